// SPDX-License-Identifier: Apache-2.0
#include "controlplane/operator_api.h"

#include <utility>

#include "controlplane/copy_fetch.h"
#include "stdx/text.h"

namespace controlplane {

using stdx::Code;

OperatorApi::OperatorApi(ports::Runtime& runtime, ports::Store& store, rpc::RpcEndpoint& endpoint,
                         SuperMethods methods, Parts parts, Options options)
    : runtime_(runtime),
      store_(store),
      endpoint_(endpoint),
      parts_(parts),
      options_(std::move(options)) {
  methods.on<v1::RecoverRequest, v1::RecoverReply>(
      "controlplane.recover", [this](const rpc::Caller&, const v1::RecoverRequest&, auto done) {
        recover(std::move(done));
      });
  methods.on<v1::BackupRequest, v1::BackupReply>(
      "controlplane.backup", [this](const rpc::Caller&, v1::BackupRequest request, auto done) {
        back_up(request, std::move(done));
      });
  methods.on<v1::RestoreRequest, v1::RestoreReply>(
      "controlplane.restore", [this](const rpc::Caller&, v1::RestoreRequest request, auto done) {
        restore(request, std::move(done));
      });
}

// A file on this machine; only an absolute path says which.
void OperatorApi::back_up(const v1::BackupRequest& request, Done<v1::BackupReply> done) {
  auto path = request.path();
  if (path.empty() && !options_.copies_folder.empty())
    path = stdx::format("{}/records-{}.db", options_.copies_folder, parts_.gate.known().counter());
  if (!path.starts_with('/'))
    return done(stdx::fail(Code::invalid, stdx::format("'{}' is not an absolute path on the "
                                                       "machine of the control plane",
                                                       stdx::printable(path, 200))));
  store_.backup(path, [this, path, counter = parts_.gate.known().counter(),
                       done](stdx::Result<std::uint64_t> bytes) {
    if (!bytes) return done(std::unexpected(bytes.error()));
    runtime_.log.info("records_copied", {{"file", path}, {"bytes", *bytes}, {"counter", counter}});
    v1::BackupReply reply;
    reply.set_path(path);
    reply.set_bytes(*bytes);
    reply.set_counter(counter);
    done(std::move(reply));
  });
}

void OperatorApi::restore(const v1::RestoreRequest& request, Done<v1::RestoreReply> done) {
  if (!request.from().empty()) return restore_from(request, std::move(done));
  if (!request.path().starts_with('/'))
    return done(stdx::fail(Code::invalid, stdx::format("'{}' is not an absolute path on the "
                                                       "machine of the control plane",
                                                       stdx::printable(request.path(), 200))));
  store_.restore(request.path(),
                 [this, path = request.path(), done](stdx::Result<std::string> kept) {
                   if (!kept) return done(std::unexpected(kept.error()));
                   runtime_.log.warn("records_restored", {{"file", path}, {"former", *kept}});
                   v1::RestoreReply reply;
                   reply.set_former(*kept);
                   done(std::move(reply));
                   restored();
                 });
}

void OperatorApi::restore_from(const v1::RestoreRequest& request, Done<v1::RestoreReply> done) {
  const auto from = request.from();
  if (!parts_.links.has(from))
    return done(stdx::fail(
        Code::unavailable,
        stdx::format("zhost '{}' is not linked to the control plane; start it, or restore from "
                     "another one (`cluster copies`)",
                     stdx::printable(from, 80))));
  fetch_copy(
      endpoint_, from, request.copy(), [this, from, done](stdx::Result<FetchedCopy> fetched) {
        if (!fetched) return done(std::unexpected(fetched.error()));
        v1::RestoreReply reply;
        reply.set_counter(fetched->info.counter());
        reply.set_made(
            stdx::format_rfc3339(stdx::WallTime(std::chrono::seconds(fetched->info.made()))));
        store_.restore_copy(std::move(fetched->copy), [this, from, reply, done](
                                                          stdx::Result<std::string> kept) mutable {
          if (!kept) return done(std::unexpected(kept.error()));
          runtime_.log.warn("records_restored",
                            {{"from", from}, {"counter", reply.counter()}, {"former", *kept}});
          reply.set_former(*kept);
          done(std::move(reply));
          restored();
        });
      });
}

void OperatorApi::restored() {
  if (options_.start_anew) options_.start_anew();
}

void OperatorApi::recover(Recoverer::Done done) {
  const auto zhosts = parts_.links.zhosts();
  parts_.recoverer.run({zhosts.begin(), zhosts.end()},
                       [this, done](stdx::Result<v1::RecoverReply> reply) {
                         if (!reply) return done(std::unexpected(reply.error()));
                         // The members that it wrote.
                         parts_.records.refresh([this, done, reply](stdx::Status) {
                           done(reply);
                           on_change();
                         });
                       });
}

}  // namespace controlplane
