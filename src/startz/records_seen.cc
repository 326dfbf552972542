// SPDX-License-Identifier: Apache-2.0
#include "startz/records_seen.h"

#include <algorithm>
#include <sstream>

#include "stdx/encoding.h"
#include "stdx/text.h"

namespace startz {

bool RecordsSeen::raise(const v1::RecordsKnown& heard) {
  if (heard.counter() <= known_.counter() && heard.term() <= known_.term()) return false;
  known_.set_counter(std::max(known_.counter(), heard.counter()));
  known_.set_term(std::max(known_.term(), heard.term()));
  return true;
}

bool RecordsSeen::hear(const v1::CommandHeader& header) {
  if (header.lineage().empty()) return false;
  v1::RecordsKnown heard;
  heard.set_lineage(header.lineage());
  heard.set_counter(header.counter());
  heard.set_term(header.term());
  if (known_.lineage().empty()) known_.set_lineage(header.lineage());
  return header.lineage() == known_.lineage() && raise(heard);
}

bool RecordsSeen::hear(const v1::RecordsNews& news) {
  if (news.known().lineage().empty()) return false;
  if (known_.lineage().empty()) known_.set_lineage(news.known().lineage());
  if (news.known().lineage() == known_.lineage()) return raise(news.known());
  for (const auto& former : news.former()) {
    if (former.id() != known_.lineage() || former.last_counter() < known_.counter()) continue;
    const auto term = std::max(known_.term(), news.known().term());
    known_ = news.known();
    known_.set_term(term);
    return true;
  }
  return false;
}

bool RecordsSeen::admitted(const v1::RecordsKnown& now) {
  if (now.lineage().empty()) return false;
  promised_.reset();
  if (now.lineage() == known_.lineage()) return raise(now);
  known_ = now;
  return true;
}

std::string RecordsSeen::refusal(const v1::CommandHeader& header) const {
  if (header.lineage().empty()) return {};
  if (!known_.lineage().empty() && header.lineage() != known_.lineage())
    return "it follows from other records than this zhost knows; the control plane tells it which";
  if (!promised_ ||
      (header.lineage() == promised_->lineage() && header.counter() <= promised_->counter()))
    return {};
  return "this zhost registers with the control plane just now, and takes nothing newer until that "
         "is answered";
}

std::string to_line(const v1::RecordsKnown& known) {
  return stdx::format("{} {} {}\n", known.lineage(), known.counter(), known.term());
}

stdx::Result<v1::RecordsKnown> records_from_line(std::string_view line) {
  std::istringstream in{std::string(line)};
  std::string lineage, counter, term, more;
  in >> lineage >> counter >> term;
  const auto number = stdx::parse_u64(counter), highest = stdx::parse_u64(term);
  if (!stdx::is_uuid(lineage) || !number || !highest || (in >> more))
    return stdx::fail(stdx::Code::corrupt, "it holds no lineage, counter and term");
  v1::RecordsKnown known;
  known.set_lineage(lineage);
  known.set_counter(*number);
  known.set_term(*highest);
  return known;
}

}  // namespace startz
