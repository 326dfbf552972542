// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the records say of where a space is, for those that place it and those that explain it.

#include <string>

#include "wire/states.h"
#include "zrms/records.h"

namespace zrms {

// The zhost that has it; null: nowhere.
inline const std::string* placed_on(const SpaceRow* row) {
  const bool placed =
      row != nullptr && !row->record.tombstone() && !wire::is_over(wire::state_of(row->record));
  return placed ? &row->record.zhost() : nullptr;
}

// The only zhost that it may go to, which has its data; empty: any.
inline std::string data_zhost(const SpaceRow* row, const model::Space& space) {
  return space.store == model::StoreKind::local && row != nullptr ? row->record.zhost() : "";
}

}  // namespace zrms
