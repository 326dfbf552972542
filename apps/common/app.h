// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every program of a zhost does before its service starts: configuration, loop, log, metrics,
// randomness, transport, operator token, HTTP. A program prints one line for a person and ends with
// code 2 where it was called or configured wrongly, 1 where it cannot start.

#include <functional>
#include <memory>
#include <string>

#include "adapters/crypto/ring_key.h"
#include "adapters/log/json_log.h"
#include "adapters/log/protobuf_log.h"
#include "adapters/loop/loop.h"
#include "adapters/net/http_client.h"
#include "adapters/net/http_server.h"
#include "adapters/net/transport.h"
#include "adapters/posix/random.h"
#include "adapters/tls/certifier.h"
#include "adapters/tls/session.h"
#include "config/sources.h"
#include "config/zhost_config.h"
#include "ports/runtime.h"
#include "rpc/log_rate_limiter.h"
#include "wire/revoked_tokens.h"

namespace app {

inline constexpr const char* version = "0.1.0";

// The environment, the files and the YAML of this machine, for config::choose and config::load.
config::Sources sources();

// The file that describes the zhost: "-config FILE", "--config FILE" or "--config=FILE", else what
// config::choose finds. Ends the process with code 2 where there is none, or where it is wrong.
config::Choice config_file(int argc, char** argv, const char* program);
config::ZhostConfig load_config(int argc, char** argv, const char* program);

// The keys of the cluster's MACs, as zmesh keeps them: read by every service of the zhost.
std::string keys_file(const config::ZhostConfig& config);
stdx::Result<samoza::v1::KeyRing> read_keys(const config::ZhostConfig& config);

// Reads the join token of the cluster from the file that the configuration names.
stdx::Result<std::string> read_join_token(const config::ZhostConfig& config);

// The access tokens that were revoked, as startz keeps them for the next start of the zhost.
std::string revoked_file(const config::ZhostConfig& config);
wire::RevokedTokens read_revoked(const config::ZhostConfig& config, stdx::WallTime now);

// What other machines call this one: the host that the configuration names for the control plane,
// and the addresses that the zhost tells. Loopback ones where it is for this machine alone.
std::vector<std::string> outside_hosts(const config::ZhostConfig& config);

// Where the programs of this zhost are.
std::string program_folder();

// Ends the process with `code` after one line.
[[noreturn]] void die(const char* program, const std::string& why, int code = 1);

class App {
 public:
  App(const char* service, const config::ZhostConfig& config, std::string hand_data_links_to = "");

  ports::Runtime& runtime() { return runtime_; }
  adapters::loop::Loop& loop() { return loop_; }
  adapters::net::NetTransport& transport() { return transport_; }
  adapters::net::NetHttpClient& http() { return http_; }
  const config::ZhostConfig& config() const { return config_; }
  ports::ClusterKey& cluster_key() { return cluster_key_; }
  ports::Security security() { return {certifier_, identity_, asking_}; }
  // Of requests that show no certificate (ports::Security).
  adapters::net::NetHttpClient& asking_http() { return asking_http_; }
  // What links to other zhosts show and trust.
  const adapters::tls::Context& identity() const { return identity_; }

  // Access tokens that this process refuses from now on, though they have not expired.
  void learn_revoked(const std::vector<std::string>& tokens) {
    revoked_.add(tokens, runtime_.clock.wall());
  }

  const wire::RevokedTokens& revoked() const { return revoked_; }

  // Jobs that the adapter's thread refused at its bound (adapters/posix/worker.h), for /metrics.
  ports::Counter* refused_by(const char* worker);

  // From startz, by environment: which life this is.
  std::uint64_t incarnation() const { return incarnation_; }
  std::uint64_t run() const { return run_; }
  std::uint64_t pid() const;
  // Descriptors that this process may have open; the soft limit was raised to it.
  std::size_t descriptor_limit() const { return descriptor_limit_; }

  // Serves `handler`; ends the process when the port cannot be had. HTTPS (options.identity) also
  // for other machines.
  void serve(ports::HttpHandler& handler, std::uint16_t port,
             adapters::net::HttpServer::Options options = {});

  // Runs the loop until `stop`. SIGTERM and SIGINT call `on_terminate`, by default `stop`.
  int run_loop(std::function<void()> on_terminate = {});
  void stop() { loop_.stop(); }

 private:
  void complain(const std::string& peer, const stdx::Error& why);

  const char* service_;
  config::ZhostConfig config_;
  adapters::loop::Loop loop_;
  adapters::posix::KernelRandom random_;
  ports::Metrics metrics_;
  adapters::log::JsonLog log_;
  std::unique_ptr<adapters::log::JsonLog> audit_;  // once it serves HTTP
  adapters::log::ProtobufLog protobuf_log_{log_, metrics_};
  ports::Runtime runtime_;
  ports::Counter& tls_refused_ = metrics_.counter(
      "samoza_tls_refused_total",
      "Connections of other zhosts that became no link: no TLS, or no good certificate");
  rpc::LogRateLimiter tls_complaints_;
  adapters::tls::Certifier certifier_;
  adapters::tls::Context identity_, asking_;
  adapters::net::NetTransport transport_;
  adapters::net::NetHttpClient http_, asking_http_;
  adapters::crypto::RingKey cluster_key_;
  wire::RevokedTokens revoked_;
  std::vector<std::unique_ptr<adapters::net::HttpServer>> servers_;
  std::uint64_t incarnation_ = 1, run_ = 1;
  std::size_t descriptor_limit_ = 0;
};

}  // namespace app
