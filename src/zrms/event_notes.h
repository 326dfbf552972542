// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a committed batch of rows means to a person. Pure.

#include <vector>

#include "samoza/v1/events.pb.h"
#include "zrms/records.h"

namespace zrms {

// `before`: the rows as they were. Spaces of a topology to which the same happened for the same
// reason are one event. Without number, time and term, which the leader knows.
std::vector<v1::Event> events_of(const Records& before, const std::vector<RowChange>& changes);

}  // namespace zrms
