// SPDX-License-Identifier: Apache-2.0
#pragma once

// Join tokens for operators: makes, lists and revokes them (controlplane.join_token_make,
// .join_tokens, .join_token_revoke), asked through the zrms of any zhost that may lead. The rules
// of a token are those of JoinTokens.

#include <functional>

#include "controlplane/authority.h"
#include "controlplane/records_cache.h"
#include "controlplane/records_gate.h"
#include "controlplane/super_methods.h"
#include "ports/credentials.h"
#include "ports/runtime.h"
#include "ports/store.h"

namespace controlplane {

class JoinTokensApi {
 public:
  // Registers its methods.
  JoinTokensApi(ports::Runtime& runtime, ports::Store& store, ports::Certifier& certifier,
                Authority& authority, RecordsGate& gate, RecordsCache& records,
                SuperMethods methods);

 private:
  template <typename Reply>
  using Done = std::function<void(stdx::Result<Reply>)>;

  void make(const v1::JoinTokenRequest& request, Done<v1::JoinTokenMade> done);
  void revoke(const v1::JoinTokenRevoke& request, Done<v1::JoinTokenView> done);

  ports::Runtime& runtime_;
  ports::Store& store_;
  ports::Certifier& certifier_;
  Authority& authority_;
  RecordsGate& gate_;
  RecordsCache& records_;
};

}  // namespace controlplane
