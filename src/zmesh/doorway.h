// SPDX-License-Identifier: Apache-2.0
#pragma once

// POST /v1/spaces/send: finds the zrun that has the space, on whichever zhost, and hands it the
// message. Along a path of a space (R-SEND-1) that zrun gives it to the sender's stream; from
// outside it puts it into the mailbox of the space, if that says `ingress: true`.
//
// The directory knows the names of topologies with such spaces alone. Of others each zrun that has
// a space of that name is asked whether it is of that topology, zhosts_asked_max of them.

#include <functional>
#include <string>
#include <vector>

#include "ports/runtime.h"
#include "rpc/rpc_endpoint.h"
#include "samoza/v1/cluster.pb.h"
#include "zmesh/directory.h"

namespace zmesh {

class Doorway {
 public:
  static constexpr std::size_t zhosts_asked_max = 8;
  // What a caller may wait, and waits where it says nothing. The HTTP server answers after 60 s.
  static constexpr stdx::Duration wait_max = std::chrono::seconds(55);
  static constexpr stdx::Duration wait_default = std::chrono::seconds(30);

  Doorway(rpc::RpcEndpoint& endpoint, const Directory& directory, std::string self)
      : endpoint_(endpoint), directory_(directory), self_(std::move(self)) {}

  using Done = std::function<void(stdx::Result<v1::SendReply>)>;
  void send(v1::SendRequest request, Done done);
  // An HTTP request for a space that has a route; waits wait_default for the answer.
  void send_http(const v1::DirectoryEntry& space, stdx::Bytes message, std::string traceparent,
                 Done done);

 private:
  void ask(const v1::DirectoryEntry& entry, v1::SendRequest request, Done done);
  void try_each(v1::SendRequest request, const char* method, std::vector<std::string> zhosts,
                Done done);
  void request(const std::string& zhost, const char* method, const v1::SendRequest& request,
               Done done);
  std::vector<std::string> zhosts_of(const std::string& topology, const std::string& space) const;
  stdx::Error unknown_space(const v1::SendRequest& request, std::size_t asked) const;

  rpc::RpcEndpoint& endpoint_;
  const Directory& directory_;
  std::string self_;
};

}  // namespace zmesh
