// SPDX-License-Identifier: Apache-2.0
#pragma once

// A file of a space's last lines: its text, and what stays of it when it is full. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ports/space_logs.h"

namespace adapters::log_files {

// "MILLISECONDS LEVEL EPOCH RUN RESTARTS SEQ[@MEX VERSION] TEXT\n".
std::string to_text(const ports::LogLine& line);
// Half a line (of a crash, of a full disk) and what a person wrote into the file are none.
std::optional<ports::LogLine> parse_line(std::string_view text);
std::vector<ports::LogLine> parse_file(std::string_view text);

// What stays: the last `current_max` bytes of the newest life, and before them the last
// `former_max` bytes of everything older, so that a life that says much never pushes out how the
// one before it ended. Whole lines only.
std::string shrunk(std::string_view text, std::size_t current_max, std::size_t former_max);

}  // namespace adapters::log_files
