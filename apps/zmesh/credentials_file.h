// SPDX-License-Identifier: Apache-2.0
#pragma once

// The keys and certificates of this zhost in state_dir, and the cluster's keys of MACs; mode 0600.

#include <memory>
#include <string>

#include "adapters/posix/files.h"
#include "adapters/posix/worker.h"
#include "common/app.h"
#include "samoza/v1/join.pb.h"
#include "wire/json.h"

namespace zmesh_app {

class CredentialsFile {
 public:
  static constexpr std::size_t bytes_max = 64u << 10;
  static constexpr stdx::Duration again_after = std::chrono::seconds(5);

  explicit CredentialsFile(app::App& app)
      : app_(app),
        path_(app.config().state_dir + "/credentials.json"),
        disk_(16, app.refused_by("credentials")),
        again_(app.loop()) {}

  // What cannot be read is made anew: the zhost joins again, by its join token.
  samoza::v1::ZhostCredentials read() {
    samoza::v1::ZhostCredentials kept;
    const auto text = adapters::posix::read_secret_file(path_, bytes_max);
    if (!text && text.error().code == stdx::Code::not_found) return kept;
    const auto parsed =
        text ? wire::from_json(*text, kept) : stdx::Status(std::unexpected(text.error()));
    if (parsed) return kept;
    app_.runtime().log.warn("kept_credentials_not_used",
                            {{"file", path_}, {"why", parsed.error().message}});
    return {};
  }

  samoza::v1::KeyRing read_keys() {
    auto kept = app::read_keys(app_.config());
    return kept ? std::move(*kept) : samoza::v1::KeyRing();
  }
  void keep(const samoza::v1::KeyRing& keys) {
    keys_text_ = wire::to_json(keys);
    write();
  }

  // On another thread; tried again where it fails.
  void keep(const samoza::v1::ZhostCredentials& credentials) {
    text_ = wire::to_json(credentials);
    write();
  }

 private:
  void write() {
    const bool taken = disk_.post([this, text = text_, keys = keys_text_,
                                   alive = std::weak_ptr<bool>(alive_), &app = app_, path = path_] {
      stdx::Status kept;
      if (!keys.empty()) kept = adapters::posix::replace_file(app::keys_file(app.config()), keys);
      if (kept && !text.empty()) kept = adapters::posix::replace_file(path, text);
      if (kept) return;
      app.loop().post([this, alive, &app, why = kept.error().message] {
        if (alive.expired()) return;
        app.runtime().log.warn("credentials_not_kept", {{"why", why}});
        again_.set(again_after, [this] { write(); });
      });
    });
    if (!taken) again_.set(again_after, [this] { write(); });
  }

  app::App& app_;
  std::string path_, text_, keys_text_;
  adapters::posix::Worker disk_;
  ports::Timer again_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zmesh_app
