// SPDX-License-Identifier: Apache-2.0
// Keeps the list of revoked access tokens in a file, for the next start of this zhost. What does
// not get to the disk is tried again: that start may come before the next revocation.
#pragma once

#include <memory>
#include <string>

#include "adapters/posix/files.h"
#include "adapters/posix/worker.h"
#include "common/app.h"

namespace startz_app {

class RevokedKeeper {
 public:
  static constexpr stdx::Duration again_after = std::chrono::seconds(5);

  RevokedKeeper(app::App& app, adapters::posix::Worker& disk)
      : app_(app), disk_(disk), again_(app.loop()) {}

  void keep(std::string text) {
    text_ = std::move(text);
    write();
  }

 private:
  void write() {
    const bool taken = disk_.post([this, file = app::revoked_file(app_.config()), text = text_,
                                   alive = std::weak_ptr<bool>(alive_), &app = app_] {
      auto kept = adapters::posix::replace_file(file, text);
      if (kept) return;
      app.loop().post([this, alive, why = kept.error().message] {
        if (alive.expired()) return;
        app_.runtime().log.warn("revoked_tokens_not_kept", {{"why", why}});
        again_.set(again_after, [this] { write(); });
      });
    });
    if (!taken) again_.set(again_after, [this] { write(); });
  }

  app::App& app_;
  adapters::posix::Worker& disk_;
  std::string text_;
  ports::Timer again_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace startz_app
