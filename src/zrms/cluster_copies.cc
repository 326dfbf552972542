// SPDX-License-Identifier: Apache-2.0
#include "zrms/cluster_copies.h"

#include <algorithm>
#include <memory>

namespace zrms {
namespace {

struct Question {
  rpc::ServiceBus& zmesh;
  std::string self;
  std::vector<std::string> zhosts;
  std::size_t next = 0, answered = 0;
  v1::ClusterCopies copies;
  std::function<void(v1::ClusterCopies)> done;
};

void ask_next(const std::shared_ptr<Question>& question) {
  if (question->next == question->zhosts.size()) return;
  const auto at = static_cast<int>(question->next++);
  const auto& zhost = question->zhosts[static_cast<std::size_t>(at)];
  question->zmesh.request(
      rpc::address(zhost == question->self ? "" : zhost, "zbase"), "zbase.copies",
      v1::CopiesRequest().SerializeAsString(), copies_timeout,
      rpc::expect<v1::CopiesReply>([question, at](stdx::Result<v1::CopiesReply> reply) {
        auto& entry = *question->copies.mutable_zhosts(at);
        if (reply)
          *entry.mutable_copies() = std::move(*reply->mutable_copies());
        else
          entry.set_why_not(reply.error().message);
        if (++question->answered == question->zhosts.size())
          return question->done(std::move(question->copies));
        ask_next(question);
      }));
}

}  // namespace

void ask_copies(rpc::ServiceBus& zmesh, const std::string& self, std::vector<std::string> zhosts,
                std::function<void(v1::ClusterCopies)> done) {
  std::sort(zhosts.begin(), zhosts.end());
  auto question = std::make_shared<Question>(
      Question{zmesh, self, std::move(zhosts), 0, 0, {}, std::move(done)});
  for (const auto& zhost : question->zhosts) question->copies.add_zhosts()->set_zhost(zhost);
  for (std::size_t i = 0; i < copies_asked_max; ++i) ask_next(question);
}

}  // namespace zrms
