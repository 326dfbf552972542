// SPDX-License-Identifier: Apache-2.0
#include "wire/log_query.h"

#include "stdx/text.h"

namespace wire {

stdx::Result<samoza::v1::SpaceDetailRequest> log_query(const ports::HttpRequest& request,
                                                       const std::string& space) {
  const auto value = [&](const char* name) {
    const auto at = request.query.find(name);
    return at == request.query.end() ? std::string() : at->second;
  };
  samoza::v1::SpaceDetailRequest query;
  query.set_topology(value("topology"));
  query.set_space(space);
  query.set_all_lives(value("all") == "1");
  const auto after = value("after");
  if (after.empty()) return query;
  const auto parts = stdx::split(after, '.');
  std::uint64_t numbers[3] = {};
  bool good = parts.size() == 3;
  for (std::size_t i = 0; good && i < 3; ++i) {
    const auto number = stdx::parse_u64(parts[i]);
    good = number.has_value();
    numbers[i] = number.value_or(0);
  }
  if (!good || numbers[1] > ~std::uint32_t{0})
    return stdx::fail(stdx::Code::invalid,
                      stdx::format("after='{}' is no place in a log: EPOCH.RUN.SEQ of a line",
                                   stdx::printable(after, 60)));
  query.set_after_epoch(numbers[0]);
  query.set_after_run(static_cast<std::uint32_t>(numbers[1]));
  query.set_after_seq(numbers[2]);
  return query;
}

}  // namespace wire
