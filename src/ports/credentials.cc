// SPDX-License-Identifier: Apache-2.0
#include "ports/credentials.h"

#include <algorithm>
#include <array>

#include "model/topology.h"
#include "stdx/encoding.h"
#include "stdx/text.h"

namespace ports {

using stdx::Code;

namespace {

constexpr std::string_view scheme = "samoza://";
constexpr std::array<std::pair<CertificateRole, std::string_view>, 5> roles = {
    {{CertificateRole::none, "none"},
     {CertificateRole::zhost, "zhost"},
     {CertificateRole::data, "data"},
     {CertificateRole::control_plane, "control-plane"},
     {CertificateRole::operator_role, "operator"}}};

}  // namespace

std::string_view to_string(CertificateRole role) {
  for (const auto& [known, name] : roles)
    if (known == role) return name;
  return "none";
}

std::string to_uri(const Identity& identity) {
  auto uri = stdx::format("{}{}/{}", scheme, identity.cluster, to_string(identity.role));
  if (!identity.name.empty()) uri += "/" + identity.name;
  return uri;
}

stdx::Result<Identity> parse_uri(std::string_view uri) {
  const auto wrong = stdx::fail(
      Code::invalid, stdx::format("'{}' is no identity of a cluster", stdx::printable(uri, 200)));
  if (!uri.starts_with(scheme)) return wrong;
  const auto parts = stdx::split(uri.substr(scheme.size()), '/');
  if (parts.size() < 2 || parts.size() > 3 || !model::is_name(parts[0])) return wrong;
  Identity identity;
  identity.cluster = parts[0];
  const auto at = std::find_if(roles.begin(), roles.end(),
                               [&](const auto& role) { return role.second == parts[1]; });
  if (at == roles.end() || at->first == CertificateRole::none) return wrong;
  identity.role = at->first;
  const bool named = identity.role != CertificateRole::control_plane;
  if (named != (parts.size() == 3) || (named && !model::is_name(parts[2]))) return wrong;
  if (named) identity.name = parts[2];
  return identity;
}

std::string describe(const Identity& identity) {
  const auto of = stdx::format("of cluster '{}'", identity.cluster);
  switch (identity.role) {
    case CertificateRole::none:
      return "nobody";
    case CertificateRole::control_plane:
      return "the control plane " + of;
    case CertificateRole::data:
      return stdx::format("data links of zhost '{}' {}", identity.name, of);
    case CertificateRole::zhost:
    case CertificateRole::operator_role:
      return stdx::format("{} '{}' {}", to_string(identity.role), identity.name, of);
  }
  return "nobody";
}

stdx::Status check_time(const Validity& validity, stdx::WallTime now, stdx::Duration leeway) {
  const auto clock = [&] {
    return stdx::format("the clock of this machine says {}", stdx::format_rfc3339(now));
  };
  if (now + leeway < validity.not_before)
    return stdx::fail(Code::denied,
                      stdx::format("its certificate is valid from {}; {}",
                                   stdx::format_rfc3339(validity.not_before), clock()));
  if (now - leeway > validity.not_after)
    return stdx::fail(Code::denied,
                      stdx::format("its certificate expired at {}; {}",
                                   stdx::format_rfc3339(validity.not_after), clock()));
  return {};
}

stdx::Status check_cluster(const Identity& identity, const std::string& cluster) {
  if (identity.cluster == cluster) return {};
  return stdx::fail(Code::denied, stdx::format("its certificate is of cluster '{}', not of '{}'",
                                               identity.cluster, cluster));
}

stdx::Status check_revoked(const Identity& who, const std::vector<Trust::Revoked>& revoked) {
  if (who.role != CertificateRole::zhost && who.role != CertificateRole::data) return {};
  for (const auto& gone : revoked)
    if (gone.zhost == who.name && gone.key_id == who.key_id)
      return stdx::fail(Code::denied,
                        stdx::format("its certificate was revoked: zhost '{}' was forgotten "
                                     "(`cluster forget`); it joins again with a join token",
                                     who.name));
  return {};
}

std::string key_id(stdx::BytesView key_hash) {
  return stdx::hex_encode(key_hash.substr(0, key_id_bytes));
}

bool is_key_id(std::string_view text) {
  return text.size() == 2 * key_id_bytes &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string key_id_of_serial(std::string_view serial_hex) {
  if (serial_hex.size() != 32) return {};
  const std::string id(serial_hex.substr(2, 2 * key_id_bytes));
  return is_key_id(id) ? id : std::string();
}

stdx::Status check_role(const Identity& identity, const std::vector<CertificateRole>& wanted) {
  if (std::find(wanted.begin(), wanted.end(), identity.role) != wanted.end()) return {};
  std::string list;
  for (const auto role : wanted)
    list += (list.empty() ? "" : " or ") + std::string(to_string(role));
  if (identity.role == CertificateRole::none)
    return stdx::fail(Code::denied,
                      stdx::format("it shows no certificate; one of role {} is needed", list));
  return stdx::fail(Code::denied, stdx::format("its certificate has the role {}; {} is needed here",
                                               to_string(identity.role), list));
}

}  // namespace ports
