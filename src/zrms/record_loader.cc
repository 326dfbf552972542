// SPDX-License-Identifier: Apache-2.0
#include "zrms/record_loader.h"

namespace zrms {

void RecordLoader::begin(std::uint64_t term) {
  *this = RecordLoader();
  term_ = term;
}

v1::ReadSinceRequest RecordLoader::next() const {
  v1::ReadSinceRequest request;
  request.set_revision(since_);
  if (!first_page_) *request.mutable_after() = last_;
  return request;
}

RecordLoader::Got RecordLoader::take(v1::RecordsReply reply) {
  // The records of another term are not this session's to act on.
  if (reply.term().term() != term_ || reply.whole() || (reply.more() && reply.records_size() == 0))
    return Got::begin_anew;
  if (first_page_) revision_ = reply.revision();
  several_ = several_ || reply.revision() != revision_;
  first_page_ = false;
  for (const auto& gone : reply.deleted()) rows_.erase({gone.kind(), gone.key()});
  for (auto& record : *reply.mutable_records()) {
    last_.set_kind(record.kind());
    last_.set_key(record.key());
    rows_[{record.kind(), record.key()}] = std::move(record);
  }
  if (reply.more()) return Got::more;
  if (!several_) return Got::whole;
  if (++rounds_ >= rounds_max) return Got::begin_anew;
  since_ = revision_;
  first_page_ = true;
  several_ = false;
  return Got::more;
}

v1::RecordsReply RecordLoader::records() {
  v1::RecordsReply all;
  all.set_revision(revision_);
  all.mutable_term()->set_term(term_);
  for (auto& [key, record] : rows_) *all.add_records() = std::move(record);
  rows_.clear();
  return all;
}

}  // namespace zrms
