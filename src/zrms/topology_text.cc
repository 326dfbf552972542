// SPDX-License-Identifier: Apache-2.0
#include "zrms/topology_text.h"

#include <set>
#include <string_view>

#include "wire/topology_codec.h"

namespace zrms {

TextPtr text_of(model::Topology spec, std::string bytes) {
  auto text = std::make_shared<TopologyText>();
  text->spec = std::move(spec);
  text->index = model::TopologyIndex(text->spec);
  text->bytes = std::make_shared<const std::string>(std::move(bytes));
  return text;
}

TextPtr text_of(model::Topology spec) {
  auto bytes = wire::to_wire(spec).SerializeAsString();
  return text_of(std::move(spec), std::move(bytes));
}

stdx::Result<TextPtr> text_of(const samoza::v1::TopologySpec& spec) {
  TRY_ASSIGN(auto read, wire::from_wire(spec));
  return text_of(std::move(read), spec.SerializeAsString());
}

const TextPtr& no_text() {
  static const TextPtr none = std::make_shared<const TopologyText>();
  return none;
}

std::vector<std::string> archives_of(const model::Topology& spec, const std::string& mex_sha256) {
  std::set<std::string_view> hashes;
  for (const auto& space : spec.spaces)
    hashes.insert(space.mex_sha256.empty() ? mex_sha256 : space.mex_sha256);
  return {hashes.begin(), hashes.end()};
}

}  // namespace zrms
