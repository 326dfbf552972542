// SPDX-License-Identifier: Apache-2.0
#include "authority.h"

#include "adapters/posix/files.h"
#include "adapters/posix/random.h"
#include "adapters/tls/certifier.h"
#include "common/app.h"
#include "ports/transport.h"
#include "stdx/text.h"
#include "wire/join_token.h"

namespace controlplane_app {

namespace {

constexpr const char* program = "zmesh-controlplane";
constexpr std::size_t file_bytes_max = 16u << 10;
constexpr auto life = std::chrono::hours(24 * 365 * 20);

stdx::Bytes read_or_make(const std::string& path, const std::function<stdx::Bytes()>& make) {
  auto content = adapters::posix::read_secret_file(path, file_bytes_max);
  if (!content && content.error().code == stdx::Code::not_found) {
    // Another control plane of the cluster may make it at the same time: what is there counts.
    const auto created = adapters::posix::create_secret_file(path, make());
    if (!created && created.error().code != stdx::Code::already_exists)
      app::die(program, stdx::format("cannot make {}: {}", path, created.error().message));
    content = adapters::posix::read_secret_file(path, file_bytes_max);
  }
  if (!content) app::die(program, content.error().message);
  return *content;
}

ports::KeyAndCertificate read_authority(const config::ZhostConfig& config,
                                        ports::Certifier& certifier, stdx::WallTime now) {
  const auto& folder = config.control_plane_service.authority;
  // In this order: a certificate without its key would be of no use.
  ports::KeyAndCertificate authority;
  authority.key = read_or_make(folder + "/ca.key", [&] { return certifier.make_key(); });
  authority.certificate = read_or_make(folder + "/ca.crt", [&] {
    auto made = certifier.make_authority(authority.key, config.cluster_id,
                                         {now - std::chrono::hours(1), now + life});
    if (!made) app::die(program, stdx::format("{}/ca.key: {}", folder, made.error().message));
    return *made;
  });
  const auto of_key = certifier.key_hash(authority.key);
  const auto of_certificate = certifier.key_hash(authority.certificate);
  if (!of_key || !of_certificate || *of_key != *of_certificate)
    app::die(program,
             stdx::format("{}: ca.key is not the key of ca.crt; put back the pair that belongs "
                          "together",
                          folder));
  const auto read = certifier.read(authority.certificate);
  if (!read || read->identity.cluster != config.cluster_id)
    app::die(program, stdx::format("{}/ca.crt is not of cluster '{}'", folder, config.cluster_id));
  return authority;
}

// Where a zhost that joins finds this control plane.
std::vector<std::string> join_addresses(const config::ZhostConfig& config) {
  std::vector<std::string> list;
  for (const auto& host : app::outside_hosts(config)) {
    if (list.size() == wire::JoinToken::addresses_max) break;
    const auto port = config.control_plane_service.port;
    list.push_back(ports::to_string(ports::Endpoint::tcp(host, port)));
  }
  return list;
}

}  // namespace

controlplane::Authority::Options load_authority(const config::ZhostConfig& config) {
  adapters::tls::Certifier certifier;
  adapters::posix::KernelRandom random;
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  controlplane::Authority::Options options;
  options.cluster_id = config.cluster_id;
  options.authority = read_authority(config, certifier, now);
  options.addresses = {config.bind, "localhost"};
  for (const auto& host : app::outside_hosts(config)) options.addresses.push_back(host);
  const auto hash = *certifier.key_hash(options.authority.key);
  const auto& path = config.join_token_file;
  const auto text = read_or_make(path, [&] {
    return to_text(wire::make_join_token(random, join_addresses(config), hash)) + "\n";
  });
  const auto token = wire::parse_join_token(text);
  if (!token)
    app::die(program, stdx::format("{}: {}. Remove it, and the control plane makes one", path,
                                   token.error().message));
  if (token->authority_hash != hash)
    app::die(program,
             stdx::format("the join token {} is of another authority than {}; remove it, and the "
                          "control plane makes one of this authority",
                          path, config.control_plane_service.authority));
  options.join_addresses = join_addresses(config);
  options.local_token_id = token->id;
  options.local_token_hash = wire::secret_hash(certifier, token->secret);
  return options;
}

}  // namespace controlplane_app
