// SPDX-License-Identifier: Apache-2.0
#include "wire/topology_codec.h"

#include "stdx/text.h"

namespace wire {
namespace {

using samoza::v1::Pair;

void put(const std::map<std::string, std::string>& from,
         google::protobuf::RepeatedPtrField<Pair>* to) {
  for (const auto& [name, value] : from) {
    auto* pair = to->Add();
    pair->set_name(name);
    pair->set_value(value);
  }
}
std::map<std::string, std::string> get(const google::protobuf::RepeatedPtrField<Pair>& from) {
  std::map<std::string, std::string> to;
  for (const auto& pair : from) to[pair.name()] = pair.value();
  return to;
}
void put(const std::vector<std::string>& from,
         google::protobuf::RepeatedPtrField<std::string>* to) {
  to->Assign(from.begin(), from.end());
}
std::vector<std::string> get(const google::protobuf::RepeatedPtrField<std::string>& from) {
  return {from.begin(), from.end()};
}

samoza::v1::SpaceSpec space_to_wire(const model::Space& space) {
  samoza::v1::SpaceSpec spec;
  spec.set_name(space.name);
  spec.set_type(std::string(model::to_string(space.type)));
  put(space.capabilities, spec.mutable_capabilities());
  spec.set_path(space.path);
  auto& limits = *spec.mutable_limits();
  limits.set_memory_bytes(space.limits.memory_bytes);
  limits.set_mailbox_messages(space.limits.mailbox_messages);
  limits.set_mailbox_bytes(space.limits.mailbox_bytes);
  limits.set_on_init_deadline_ms(space.limits.on_init_deadline_ms);
  limits.set_on_process_watchdog_ms(space.limits.on_process_watchdog_ms);
  limits.set_on_close_deadline_ms(space.limits.on_close_deadline_ms);
  limits.set_log_bytes_per_second(space.limits.log_bytes_per_second);
  limits.set_data_bytes(space.limits.data_bytes);
  auto& placement = *spec.mutable_placement();
  put(space.placement.anti_affinity, placement.mutable_anti_affinity());
  put(space.placement.prefer_apart, placement.mutable_prefer_apart());
  put(space.placement.affinity, placement.mutable_affinity());
  placement.set_region(space.placement.region);
  put(space.placement.labels, placement.mutable_labels());
  put(space.placement.devices, placement.mutable_devices());
  spec.set_store(static_cast<samoza::v1::StoreKind>(space.store));
  put(space.config, spec.mutable_config());
  spec.set_mex_sha256(space.mex_sha256);
  spec.set_entry(space.entry);
  spec.set_cpu_share(space.cpu_share);
  spec.set_idle_wait(space.idle == model::Idle::wait);
  put(space.endpoints, spec.mutable_endpoints());
  spec.set_mex_version(space.mex_version);
  spec.set_definition(space.definition);
  spec.set_restarts_asked(space.restarts_asked);
  spec.set_removed(space.removed);
  spec.set_ingress(space.ingress);
  spec.set_route(space.route);
  return spec;
}

stdx::Result<model::Space> space_from_wire(const samoza::v1::SpaceSpec& spec) {
  const auto type = model::parse_space_type(spec.type());
  if (!type || !samoza::v1::StoreKind_IsValid(spec.store()))
    return stdx::fail(stdx::Code::invalid, stdx::format("space '{}' has an unknown type or store",
                                                        stdx::printable(spec.name(), 80)));
  model::Space space;
  space.name = spec.name();
  space.type = *type;
  space.capabilities = get(spec.capabilities());
  space.path = spec.path();
  const auto& limits = spec.limits();
  space.limits = {.memory_bytes = limits.memory_bytes(),
                  .mailbox_messages = limits.mailbox_messages(),
                  .mailbox_bytes = limits.mailbox_bytes(),
                  .on_init_deadline_ms = limits.on_init_deadline_ms(),
                  .on_process_watchdog_ms = limits.on_process_watchdog_ms(),
                  .on_close_deadline_ms = limits.on_close_deadline_ms(),
                  .log_bytes_per_second = limits.log_bytes_per_second()};
  if (limits.data_bytes() != 0) space.limits.data_bytes = limits.data_bytes();
  const auto& placement = spec.placement();
  space.placement = {.anti_affinity = get(placement.anti_affinity()),
                     .prefer_apart = get(placement.prefer_apart()),
                     .affinity = get(placement.affinity()),
                     .region = placement.region(),
                     .labels = get(placement.labels()),
                     .devices = get(placement.devices())};
  space.store = static_cast<model::StoreKind>(spec.store());
  space.config = get(spec.config());
  space.mex_sha256 = spec.mex_sha256();
  space.entry = spec.entry();
  space.cpu_share = spec.cpu_share();
  space.idle = spec.idle_wait() ? model::Idle::wait : model::Idle::back_off;
  space.endpoints = get(spec.endpoints());
  space.mex_version = spec.mex_version();
  space.definition = spec.definition();
  space.restarts_asked = spec.restarts_asked();
  space.removed = spec.removed();
  space.ingress = spec.ingress();
  space.route = spec.route();
  return space;
}

}  // namespace

samoza::v1::TopologySpec to_wire(const model::Topology& topology) {
  samoza::v1::TopologySpec spec;
  spec.set_name(topology.name);
  spec.set_owner(topology.owner);
  spec.set_version(topology.version);
  for (const auto& space : topology.spaces) *spec.add_spaces() = space_to_wire(space);
  for (const auto& path : topology.paths) {
    auto* wire_path = spec.add_paths();
    wire_path->set_name(path.name);
    wire_path->set_from(path.from);
    wire_path->set_to(path.to);
    wire_path->set_delivery(static_cast<samoza::v1::Delivery>(path.delivery));
    wire_path->set_max_deliveries(path.max_deliveries);
    wire_path->set_removed(path.removed);
    wire_path->set_out(path.out);
    wire_path->set_in(path.in);
  }
  return spec;
}

stdx::Result<model::Topology> from_wire(const samoza::v1::TopologySpec& spec) {
  model::Topology topology;
  topology.name = spec.name();
  topology.owner = spec.owner();
  if (spec.version() != 0) topology.version = spec.version();
  for (const auto& wire_space : spec.spaces()) {
    TRY_ASSIGN(auto space, space_from_wire(wire_space));
    topology.spaces.push_back(std::move(space));
  }
  for (const auto& path : spec.paths()) {
    if (!samoza::v1::Delivery_IsValid(path.delivery()))
      return stdx::fail(stdx::Code::invalid, "a path has an unknown delivery");
    topology.paths.push_back(
        {path.name(), path.from(), path.to(), static_cast<model::Delivery>(path.delivery())});
    if (path.max_deliveries() != 0) topology.paths.back().max_deliveries = path.max_deliveries();
    topology.paths.back().removed = path.removed();
    topology.paths.back().out = path.out();
    topology.paths.back().in = path.in();
  }
  return topology;
}

}  // namespace wire
