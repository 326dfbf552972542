// SPDX-License-Identifier: Apache-2.0
#include "zrms/records_reader.h"

#include "wire/frame.h"
#include "wire/topology_codec.h"

namespace zrms {

RecordsReader::RecordsReader(v1::RecordsReply reply) : reply_(std::move(reply)) {
  records_.counter_ = reply_.revision();
}

bool RecordsReader::step() {
  if (pass_ == Pass::done) return false;
  // After the topologies the rest: they say how much memory each space may take.
  for (int rows = 0; rows < rows_at_once && at_ < reply_.records_size(); ++rows) {
    const auto& row = reply_.records(at_);
    if (pass_ == Pass::topologies && row.kind() == "topology") {
      topology(row);
      if (parsed_) return true;  // the same row once more
      ++at_;
      return true;
    }
    ++at_;
    if (pass_ == Pass::topologies) {
      if (row.kind() != "lineage") continue;
      if (auto lineage = wire::parse<v1::LineageRecord>(row.value()))
        records_.lineage_ = std::move(*lineage);
      continue;
    }
    if (row.kind() == "space") space(row);
    if (row.kind() == "token") token(row);
    if (row.kind() != "version") continue;
    version(row);
    return true;
  }
  if (at_ < reply_.records_size()) return true;
  at_ = 0;
  pass_ = pass_ == Pass::topologies ? Pass::others : Pass::done;
  return pass_ != Pass::done;
}

void RecordsReader::topology(const v1::Record& row) {
  if (!parsed_) {
    auto record = wire::parse<v1::TopologyRecord>(row.value());
    if (record)
      parsed_ = std::move(*record);
    else
      unreadable(row);
    return;
  }
  if (!spec_) {
    auto spec = wire::from_wire(parsed_->spec());
    if (spec) {
      spec_ = std::move(*spec);
    } else {
      parsed_.reset();
      unreadable(row);
    }
    return;
  }
  auto bytes = parsed_->spec().SerializeAsString();
  parsed_->clear_spec();
  records_.put(std::move(*parsed_), text_of(std::move(*spec_), std::move(bytes)), row.version());
  parsed_.reset();
  spec_.reset();
}

void RecordsReader::version(const v1::Record& row) {
  auto record = wire::parse<v1::VersionRecord>(row.value());
  if (!record) return unreadable(row);
  std::set<std::string> archives;
  for (const auto& space : record->spec().spaces())
    archives.insert(space.mex_sha256().empty() ? record->mex_sha256() : space.mex_sha256());
  auto bytes = std::make_shared<const std::string>(record->spec().SerializeAsString());
  record->clear_spec();
  records_.put(
      VersionRow{std::move(*record), bytes, {archives.begin(), archives.end()}, row.version()});
}

void RecordsReader::space(const v1::Record& row) {
  auto record = wire::parse<v1::SpaceRecord>(row.value());
  if (record)
    records_.put(std::move(*record), row.version());
  else
    unreadable(row);
}

void RecordsReader::token(const v1::Record& row) {
  auto record = wire::parse<v1::TokenRecord>(row.value());
  if (record && record->id() == row.key())
    records_.tokens_[row.key()] = {std::move(*record), row.version()};
  else
    unreadable(row);
}

}  // namespace zrms
