// SPDX-License-Identifier: Apache-2.0
#pragma once

// zmesh-controlplane: who is in the cluster and who leads it. Keeps members, the term and the
// fenced records in a Store, and tells every connected zmesh when membership, super candidates or
// the leader changed (R-JOIN-1..5). It places nothing and routes nothing.
//
// It is the cluster's certificate authority (authority.h): zhosts get their certificates with POST
// /v1/certificates. Whoever registers or links shows such a certificate, and speaks for the zhost
// that it names, and no other.
//
// One loop. Links are websockets of zmesh processes: Hello from both sides, then envelopes. At most
// links_max links, of them unproved_max that have not said their hello, each for hello_timeout; one
// more is closed and counted. While the store is away requests fail with its error; certificates of
// zhosts that are known are renewed all the same.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "controlplane/authority.h"
#include "controlplane/member_news.h"
#include "controlplane/membership.h"
#include "controlplane/record_copier.h"
#include "controlplane/records_gate.h"
#include "controlplane/recoverer.h"
#include "ports/http.h"
#include "ports/runtime.h"
#include "ports/store.h"
#include "ports/transport.h"
#include "rpc/log_rate_limiter.h"
#include "rpc/protocol_errors.h"
#include "rpc/rpc_endpoint.h"
#include "wire/http_router.h"

namespace controlplane {

struct Options {
  std::string cluster_id;
  ports::Endpoint listen;  // websocket; no host: nothing is listened on here
  std::string version;
  std::string store_name = "memory";  // for /v1/status
  // How often the store is asked what other control planes changed.
  stdx::Duration poll_interval = std::chrono::seconds(1);
  std::string copies_folder;  // for a backup that names no file; empty: it must
  // The process ends soon and is started again: what was restored is taken at a start.
  std::function<void()> start_anew;
  RecordCopier::Options copies;
  // Of the certificates: the authority, and where this control plane is reached.
  Authority::Options authority;
};

class Service final : public ports::HttpHandler {
 public:
  // Of POST /v1/register: the nonce of the control plane's hello, in hex. What is admitted so has
  // the events and answers of its zhost.
  static constexpr const char* link_header = "samoza-link";
  static constexpr std::size_t links_max = 1024;
  static constexpr std::size_t unproved_max = 256;
  static constexpr std::size_t unproved_of_one_max = 8;  // of one zhost; the oldest leaves
  static constexpr stdx::Duration announce_every = std::chrono::milliseconds(50);
  static constexpr stdx::Duration hello_timeout = std::chrono::seconds(5);

  Service(ports::Runtime& runtime, ports::Transport& transport, ports::Store& store,
          const ports::Security& security, Options options);
  ~Service() override;

  // Access tokens that were revoked (wire/revoked_tokens.h), each time the records say so.
  std::function<void(std::vector<std::string>)> on_revoked;

  // Listens on options.listen; fails where the address is taken.
  stdx::Status start();

  // For the simulator.
  RecordsGuard::Phase records() const { return gate_.phase(); }

  void handle(ports::HttpRequest request, ports::HttpReply reply) override;
  std::vector<std::string> routes() const { return router_.routes(); }
  // For an adapter that takes WebSockets and HTTP in on one port. A link is of a zhost, which shows
  // its certificate: one that shows none is answered before it is a link, so that strangers take
  // none of their places.
  std::optional<ports::HttpResponse> refuse_websocket(const ports::HttpRequest& head);
  void handle_websocket(ports::HttpRequest request, std::unique_ptr<ports::Link> link) override;

 private:
  static constexpr int register_tries = 5;
  using Refreshed = std::function<void(stdx::Status)>;
  using Registered = std::function<void(stdx::Result<v1::RegisterReply>)>;
  struct Connection {
    std::unique_ptr<ports::Link> link;
    std::string zhost;       // empty until its hello came
    stdx::Bytes nonce;       // of our hello: the name of the link in a registration
    bool admitted = false;   // a registration over it was: what goes to its zhost goes here
    std::uint64_t told = 0;  // the announcement of the members that it had last, 0: none
    std::unique_ptr<ports::Timer> timeout;
  };

  void wire_methods();
  void wire_members();
  void wire_operators();
  void wire_routes();
  void accept(std::unique_ptr<ports::Link> link);
  void receive(std::uint64_t id, stdx::Bytes frame);
  stdx::Result<v1::Hello> check_hello(const Connection& connection, stdx::BytesView frame) const;
  void refuse(std::uint64_t id, const stdx::Error& why);
  void make_room_for(const std::string& zhost);
  void link_up(std::uint64_t id, const std::string& zhost);
  void drop(std::uint64_t id);
  void admitted(std::uint64_t id);
  // Whether the request may register `zhost`: the link that it is of, 0 where it names none.
  stdx::Result<std::uint64_t> authorize(const ports::HttpRequest& request,
                                        const std::string& zhost) const;
  void certify_over_http(const ports::HttpRequest& request, ports::HttpReply reply);
  void certify(const v1::CertifyRequest& request, const std::string& source, int tries,
               ports::HttpReply reply);
  void renew_own();
  void record_keys();
  void register_over_http(const ports::HttpRequest& request, ports::HttpReply reply);
  void send(v1::Envelope envelope);

  // Of whom a registration is: its certificate, and the link that it names; 0: none.
  struct Registrant {
    ports::Identity who;
    std::uint64_t link = 0;
  };
  void register_member(v1::RegisterRequest request, const Registrant& from, int tries,
                       Registered done);
  void write_member(const v1::RegisterRequest& request, const Registrant& from, int tries,
                    Registered done);
  // The zhost is registered by another link than this one.
  bool connected_elsewhere(const std::string& zhost, std::uint64_t link) const;
  void mark_member(const v1::MarkRequest& request,
                   std::function<void(stdx::Result<v1::MarkReply>)> done);
  void with_current_records(const v1::RecordsKnown& known, Refreshed then);
  void take_term(const std::string& zhost, const v1::CasTermRequest& request,
                 std::function<void(stdx::Result<v1::TermRow>)> done);
  void commit(const std::string& zhost, v1::CommitRequest& request,
              std::function<void(stdx::Result<v1::CommitReply>)> done);
  void forget_member(v1::ForgetRequest request,
                     std::function<void(stdx::Result<v1::ForgetReply>)> done);
  void refresh(std::function<void(stdx::Status)> done);
  void forget_unnamed(const ports::Store::Snapshot& snapshot);
  bool learn_own(const ports::Record& record);
  void learn_written(const std::vector<ports::RecordChange>& changes);
  void forget_own(const std::string& kind, const std::string& key);
  void drop_revoked();
  void change_keys();
  void follow_keys(const v1::CertifyRequest& request);
  // Code::denied: it joined with a token of role `local`, and what leads the cluster is not its
  // business.
  stdx::Status may_lead(const std::string& zhost) const;
  template <typename Request, typename Reply, typename Do>
  void on_of_super(const char* method, Do what) {
    endpoint_.on(method, rpc::typed<Request, Reply>(
                             [this, what](const rpc::Caller& caller, Request request, auto done) {
                               if (const auto may = may_lead(caller.from.zhost()); !may)
                                 return done(std::unexpected(may.error()));
                               what(caller, std::move(request), std::move(done));
                             }));
  }
  void wire_join_tokens();
  void make_join_token(const v1::JoinTokenRequest& request,
                       std::function<void(stdx::Result<v1::JoinTokenMade>)> done);
  void revoke_join_token(const v1::JoinTokenRevoke& request,
                         std::function<void(stdx::Result<v1::JoinTokenView>)> done);
  void learn_tokens(const ports::Store::Snapshot& snapshot);
  void poll();
  stdx::Error wrote(stdx::Error error);
  void wrote();
  const std::string& store_trouble() const {
    return store_trouble_.empty() ? write_trouble_ : store_trouble_;
  }
  // Tells every link who is there, where that changed; at most once in announce_every, as a cluster
  // that starts has many changes.
  void announce();
  void announce_now();
  void publish_members(Connection& connection);
  void recover(Recoverer::Done done);
  void back_up(const v1::BackupRequest& request,
               std::function<void(stdx::Result<v1::BackupReply>)> done);
  void restore(const v1::RestoreRequest& request,
               std::function<void(stdx::Result<v1::RestoreReply>)> done);
  void restore_from(const v1::RestoreRequest& request,
                    std::function<void(stdx::Result<v1::RestoreReply>)> done);
  std::set<std::string> linked_zhosts() const;
  v1::MembersChanged state() const;

  ports::Runtime& runtime_;
  rpc::ProtocolErrors protocol_errors_{runtime_};
  ports::Transport& transport_;
  ports::Store& store_;
  ports::Certifier& certifier_;
  ports::LinkIdentity& identity_;
  rpc::LogRateLimiter refusals_;
  Options options_;
  Authority authority_;
  std::map<std::string, ports::RecordChange> unrecorded_;  // by zhost; at most members_max
  stdx::WallTime own_until_{};  // when the certificate of this control plane is made anew
  rpc::RpcEndpoint endpoint_;
  wire::HttpRouter router_;
  Membership membership_;
  std::map<std::string, std::uint64_t> revoked_;  // access tokens: id -> when they expire
  RecordsGate gate_;
  Recoverer recoverer_;
  RecordCopier copier_;
  ports::TermRow term_;
  std::uint64_t revision_ = 0;
  std::string store_trouble_ = "not read yet";
  bool store_damaged_ = false;  // and store_trouble_ says what to do
  std::string write_trouble_;   // why the database refused the last write; empty: it did not
  MemberNews member_news_;
  std::unique_ptr<ports::Listener> listener_;
  std::map<std::uint64_t, Connection> connections_;
  // Of two links of one id the one whose registration was admitted last has the zhost's answers and
  // events: who is refused, say because two zhosts have the id, must not take them from the other.
  std::map<std::string, std::uint64_t> by_zhost_;
  std::uint64_t next_connection_ = 1;
  ports::Timer poll_timer_, announce_timer_;
  stdx::Instant announced_at_{};
  ports::Counter& refused_links_;
  ports::Counter& unproved_links_;
  ports::Counter& certified_;
  ports::Counter& certificates_refused_;
  ports::Counter& attempts_held_back_;
  ports::Gauge& own_expires_;
  ports::Gauge& authority_expires_;
  std::size_t unproved_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace controlplane
