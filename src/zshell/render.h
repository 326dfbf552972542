// SPDX-License-Identifier: Apache-2.0
#pragma once

// JSON answers as an operator reads them (R-SHELL-2..20). Pure functions of text.

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace zshell::render {

// An answer as an object; an empty one where it is none. Nothing in an answer is relied on: it may
// come from a service of another version.
nlohmann::json parse(const std::string& text);
// A field as text, whatever its type; what a guest or package wrote is made safe for a terminal.
// Empty where there is none.
std::string field(const nlohmann::json& value, const char* name);

// Columns as wide as their widest cell, two spaces between; the first row is the head.
std::string table(const std::vector<std::vector<std::string>>& rows);

// How long the zhost has been up, as the status of its zbase says, in whole seconds: "5m32s"; "-"
// where it does not say.
std::string uptime(const std::string& json);
std::string mesh(const std::string& json);
std::string peers(const std::string& json);
std::string ping(const std::string& json);
// `names`: of topologies, by id.
std::string mesh_spaces(const std::string& json, const std::map<std::string, std::string>& names);
std::string topologies(const std::string& json);
std::string submitted(const std::string& file, const std::string& json, bool verbose = false);
// "12 running, 3 starting"; nothing where the topology says no counts.
std::string state_counts(const nlohmann::json& topology);
std::string topology(const std::string& json);
std::string cluster(const std::string& json);
std::string recovered(const std::string& json);
// Items of a list, separated by commas; at most 20.
std::string names(const std::string& text, const char* of);
// Of the view of a topology.
std::string spaces_with_data(const std::string& text);
std::string changes(const std::string& name, const std::string& text, bool dry_run);
std::string history(const std::string& text);
// `each_zhost`: also of a space that has one.
std::string explained(const std::string& json, bool each_zhost);
std::string copied(const std::string& json);
std::string restored(const std::string& json);
std::string copies(const std::string& json);
std::string zhosts(const std::string& json);
std::string spaces(const std::string& json);
std::string space(const std::string& json);
std::string logs(const std::string& json);
// `names`: of topologies, by id.
using Names = std::map<std::string, std::string>;
// `found`: how many there are, though fewer are in `text`; `of`: what was asked for, or empty.
std::string dead_letters(const std::string& text, std::size_t found, const std::string& of,
                         const Names& names);
std::string dead_letter(const std::string& json, const Names& names);

}  // namespace zshell::render
