// SPDX-License-Identifier: Apache-2.0
#include "zshell/render.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "stdx/encoding.h"
#include "stdx/text.h"

namespace zshell::render {

using nlohmann::json;
using stdx::format;

json parse(const std::string& text) {
  auto value = json::parse(text, nullptr, false);
  return value.is_object() ? value : json::object();
}

std::string field(const json& value, const char* name) {
  if (!value.is_object() || !value.contains(name)) return "";
  const auto& f = value[name];
  if (f.is_string()) return stdx::printable(f.get<std::string>(), 400);
  if (f.is_boolean()) return f.get<bool>() ? "yes" : "no";
  if (f.is_number_float()) return format("{:.2f}", f.get<double>());
  return f.dump();
}

namespace {

// The entries of an array; none where the answer has another shape (a service of another version).
json list(const json& value, const char* name) {
  const auto at = value.find(name);
  return at != value.end() && at->is_array() ? *at : json::array();
}

// An entry of an array of texts, safe for a terminal.
std::string text_of(const json& value, std::size_t most = 400) {
  return value.is_string() ? stdx::printable(value.get<std::string>(), most) : value.dump();
}

std::string or_dash(std::string text) {
  return text.empty() ? "-" : text;
}

double number(const json& value, const char* name) {
  if (!value.is_object() || !value.contains(name)) return 0;
  const auto& f = value[name];
  if (f.is_number()) return f.get<double>();
  if (f.is_string()) return std::strtod(f.get<std::string>().c_str(), nullptr);
  return 0;
}

std::string name_of(const std::string& topology_id, const Names& names) {
  const auto at = names.find(topology_id);
  return at == names.end() ? topology_id : at->second;
}

std::string size(double bytes) {
  if (bytes >= 1 << 30) return format("{:.1f}GiB", bytes / (1 << 30));
  if (bytes >= 1 << 20) return format("{:.1f}MiB", bytes / (1 << 20));
  return format("{:.0f}KiB", bytes / 1024);
}

}  // namespace

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += i + 1 < row.size() ? format("{:<{}}", row[i], widths[i] + 2) : row[i];
    out += line + "\n";
  }
  return out;
}

std::string uptime(const std::string& text) {
  const auto ms = number(parse(text), "uptime_ms");
  if (ms <= 0) return "-";
  const auto seconds = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(ms / 1000));
  return stdx::format_duration(std::chrono::seconds(seconds));
}

std::string mesh(const std::string& text) {
  const auto m = parse(text);
  return format(
      "{} {}\n  zhost_id: {}\n  cluster_id: {}\n  mode: {}\n  connections: {}\n  "
      "cluster_peers: {}\n  control_plane: {}\n",
      field(m, "base_url"), field(m, "status"), field(m, "zhost_id"), field(m, "cluster_id"),
      field(m, "mode"), field(m, "connections"), field(m, "cluster_peers"),
      field(m, "control_plane"));
}

std::string peers(const std::string& text) {
  std::vector<std::vector<std::string>> rows = {
      {"ZHOST_ID", "ADDRESS", "MODE", "CONNECTED", "LINKED TO"}};
  const auto entries = list(parse(text), "peers");
  for (const auto& peer : entries) {
    std::string linked;
    for (const auto& other : list(peer, "linked"))
      linked += (linked.empty() ? "" : ", ") + text_of(other);
    rows.push_back({field(peer, "zhost_id"), field(peer, "address"), field(peer, "mode"),
                    field(peer, "connected"), or_dash(linked)});
  }
  return table(rows);
}

std::string ping(const std::string& text) {
  const auto p = parse(text);
  std::vector<std::vector<std::string>> rows = {{"  ZHOST_ID", "HOPS", "RTT(ms)", "PATH"}};
  for (const auto& row : list(p, "rows")) {
    if (!field(row, "error").empty())
      rows.push_back({"- " + field(row, "zhost_id"), "-", "-", field(row, "error")});
    else
      rows.push_back({"+ " + field(row, "zhost_id"), field(row, "hops"), field(row, "rtt_ms"),
                      field(row, "path")});
  }
  return format("hops={} timeout={}\n", field(p, "hops"), field(p, "timeout")) + table(rows);
}

std::string mesh_spaces(const std::string& text, const std::map<std::string, std::string>& names) {
  std::vector<std::vector<std::string>> rows = {{"TOPOLOGY", "SPACE", "ZHOST", "EPOCH", "RUNNING"}};
  const auto entries = list(parse(text), "spaces");
  for (const auto& space : entries) {
    const auto id = field(space, "topology_id");
    const auto name = names.find(id);
    rows.push_back({name == names.end() ? id : name->second, field(space, "space"),
                    field(space, "zhost"), field(space, "epoch"), field(space, "running")});
  }
  return table(rows);
}

std::string topologies(const std::string& text) {
  const auto entries = list(parse(text), "topologies");
  std::vector<std::vector<std::string>> rows = {{"ID", "NAME", "STATE", "SPACES"}};
  for (const auto& t : entries)
    rows.push_back({field(t, "id"), field(t, "name"), field(t, "state"), field(t, "spaces")});
  return format("Topologies: {}\n", entries.size()) + (entries.empty() ? "" : table(rows));
}

// Names a few spaces, or with `verbose` all of them; there may be thousands.
std::string submitted(const std::string& file, const std::string& text, bool verbose) {
  constexpr std::size_t named_max = 8;
  const auto s = parse(text);
  std::string spaces;
  std::size_t count = 0;
  for (const auto& name : list(s, "spaces"))
    if (++count <= named_max || verbose) spaces += (spaces.empty() ? "" : ", ") + text_of(name);
  if (count > named_max && !verbose)
    spaces = format("{}: {} and {} more (--verbose names them)", count, spaces, count - named_max);
  return format("Submitting {}\n  ID: {}\n  Name: {}\n  State: {}\n  Spaces: {}\n", file,
                field(s, "topology_id"), field(s, "name"), field(s, "state"), spaces);
}

std::string state_counts(const nlohmann::json& topology) {
  std::string out;
  for (const auto& count : list(topology, "states"))
    out +=
        format("{}{} {}", out.empty() ? "" : ", ", field(count, "spaces"), field(count, "state"));
  return out;
}

// Of a space that has no reason to tell now: what made it fail before, when, and in which version.
std::string earlier_failure(const nlohmann::json& placement) {
  const auto why = field(placement, "last_failure");
  if (why.empty()) return "";
  const auto version = field(placement, "last_failure_version"),
             at = field(placement, "last_failure_at");
  std::string when = version.empty() || version == "0" ? "" : " in version " + version;
  if (!at.empty()) when += " at " + at;
  return format("earlier{}: {}", when, why);
}

std::string topology(const std::string& text) {
  const auto t = parse(text);
  auto out = format("Topology: {}\nID: {}\nState: {}\n", field(t, "name"), field(t, "id"),
                    field(t, "state"));
  if (!field(t, "reason").empty()) out += format("Reason: {}\n", field(t, "reason"));
  if (const auto mex = field(t, "mex_version"); !field(t, "version").empty())
    out +=
        format("Version: {}{}\n", field(t, "version"), mex.empty() ? "" : format(" (MEX {})", mex));
  if (!field(t, "update").empty()) out += format("Update: {}\n", field(t, "update"));
  out += format("Spaces: {}\nCreated: {}\nUpdated: {}\n\nPlacements:\n", field(t, "spaces"),
                field(t, "created"), field(t, "updated"));
  std::vector<std::vector<std::string>> rows = {
      {"  SPACE", "ZHOST", "STATE", "EPOCH", "VERSION", "MEX", "RESTARTS", "REASON"}};
  for (const auto& p : list(t, "placements")) {
    const auto why = field(p, "reason").empty() ? earlier_failure(p) : field(p, "reason");
    rows.push_back({"  " + field(p, "space"), or_dash(field(p, "zhost")), field(p, "state"),
                    field(p, "epoch"), or_dash(field(p, "version")),
                    or_dash(field(p, "mex_version")), or_dash(field(p, "restarts")),
                    stdx::printable(why, 200)});
  }
  out += table(rows);
  for (const auto& refusal : list(t, "refusals")) out += "  " + text_of(refusal) + "\n";
  return out;
}

std::string names(const std::string& text, const char* of) {
  std::string out;
  const auto items = list(parse(text), of);
  constexpr std::size_t shown_max = 20;
  for (std::size_t i = 0; i < items.size() && i < shown_max; ++i)
    out += format("{}{}", out.empty() ? "" : ", ", text_of(items[i]));
  if (items.size() > shown_max) out += format(" and {} more", items.size() - shown_max);
  return out;
}

std::string spaces_with_data(const std::string& text) {
  nlohmann::json found = {{"spaces", nlohmann::json::array()}};
  for (const auto& p : list(parse(text), "placements"))
    if (field(p, "has_data") == "yes") found["spaces"].push_back(field(p, "space"));
  return names(found.dump(), "spaces");
}

std::string changes(const std::string& name, const std::string& text, bool dry_run) {
  const auto reply = parse(text);
  const auto items = list(reply, "changes");
  if (items.empty()) return format("{}: nothing changes\n", name);
  auto out =
      format("{}: version {}{}\n", name, field(reply, "version"), dry_run ? " would change" : "");
  std::vector<std::vector<std::string>> rows;
  for (const auto& change : items)
    rows.push_back(
        {"  " + field(change, "kind"), field(change, "space"), names(change.dump(), "what")});
  return out + table(rows);
}

std::string history(const std::string& text) {
  const auto h = parse(text);
  std::vector<std::vector<std::string>> rows = {
      {"VERSION", "AT", "WHAT", "MEX", "ARCHIVE", "KEPT"}};
  for (const auto& v : list(h, "versions")) {
    const bool present = field(v, "version") == field(h, "version");
    rows.push_back({field(v, "version") + (present ? " *" : ""), field(v, "at"), field(v, "what"),
                    or_dash(field(v, "mex_version")), or_dash(field(v, "mex_sha256").substr(0, 12)),
                    field(v, "kept") == "yes" ? "yes" : "-"});
  }
  return table(rows) +
         "* the present one; `topo rollback NAME --to VERSION` brings a kept one back\n";
}

std::string copied(const std::string& text) {
  const auto r = parse(text);
  return format(
      "the records are copied to {} on the machine of the control plane: {}, up to change "
      "{}\n",
      field(r, "path"), size(number(r, "bytes")), field(r, "counter"));
}

std::string restored(const std::string& text) {
  const auto r = parse(text);
  const auto which = field(r, "made").empty() ? std::string("the copy")
                                              : format("the copy of {}, up to change {},",
                                                       field(r, "made"), field(r, "counter"));
  return format(
      "{} is whole; the control plane starts anew with it, and keeps its former "
      "database as {}. If zhosts know of newer changes, `cluster` says that the records "
      "are behind: then run `cluster recover`\n",
      which, field(r, "former"));
}

std::string copies(const std::string& text) {
  const auto c = parse(text);
  std::vector<std::vector<std::string>> rows = {
      {"ZHOST_ID", "COPY", "AGE", "MADE", "CHANGE", "TERM", "LINEAGE", "SIZE", "DETAIL"}};
  const auto zhosts = list(c, "zhosts");
  for (const auto& zhost : zhosts) {
    const auto kept = list(zhost, "copies");
    if (kept.empty()) {
      const auto why = field(zhost, "why_not");
      rows.push_back({field(zhost, "zhost"), "-", "-", "-", "-", "-", "-", "-",
                      why.empty() ? "keeps none" : "does not say: " + why});
    }
    for (const auto& copy : kept)
      rows.push_back({field(zhost, "zhost"), field(copy, "sha256").substr(0, 12),
                      stdx::format_duration(std::chrono::seconds(
                          static_cast<std::int64_t>(number(copy, "age_seconds")))),
                      field(copy, "made_at"), field(copy, "counter"), field(copy, "term"),
                      field(copy, "lineage").substr(0, 8), size(number(copy, "bytes")),
                      field(copy, "damaged") == "yes" ? "damaged" : "-"});
  }
  auto out = table(rows);
  if (const auto detail = field(c, "detail"); !detail.empty()) out += detail + "\n";
  return out + "`cluster restore --from ZHOST_ID [COPY]` puts one in place\n";
}

std::string recovered(const std::string& text) {
  const auto r = parse(text);
  const auto list = [&](const char* name) {
    std::string line;
    if (r.contains(name))
      for (const auto& item : r[name]) line += (line.empty() ? "" : " ") + item.get<std::string>();
    return line;
  };
  auto out = format(
      "the records are recovered: lineage {}, term {}, epochs above {}\n  topologies: {} ({} taken "
      "over from zhosts)\n  placements taken over: {}\n  zhosts asked: {}\n",
      field(r, "lineage"), field(r, "term"), field(r, "epoch_floor"), field(r, "topologies"),
      field(r, "topologies_taken_over"), field(r, "spaces_taken_over"), list("zhosts"));
  if (const auto away = list("not_there"); !away.empty())
    out += format(
        "  not there: {}; if one of them knows of more, the records are behind again when "
        "it comes: run this again then\n",
        away);
  if (r.contains("silent") && r["silent"].is_array() && !r["silent"].empty()) {
    std::string silent;
    for (const auto& zhost : r["silent"])
      silent += format("{}{} ({})", silent.empty() ? "" : ", ", field(zhost, "zhost"),
                       field(zhost, "why"));
    out += format(
        "  did not say what they run: {}; what only they know is not taken over, and what they "
        "run is stopped or runs unlisted. Look at their startz and zmesh; when they register "
        "and know of more, the records are behind again: run this again then\n",
        silent);
  }
  return out +
         "  the zhosts register and a leader is found within seconds; `topo` shows what there "
         "is\n";
}

std::string cluster(const std::string& text) {
  const auto c = parse(text);
  auto out = format(
      "leader: {} (term {})\ncontrol plane: {}\nzhosts: {} of {} alive\ntopologies: {} "
      "of {} running\nspaces: {} of {} running\n",
      field(c, "leader"), field(c, "term"), field(c, "control_plane"), field(c, "zhosts_alive"),
      field(c, "zhosts"), field(c, "topologies_running"), field(c, "topologies"),
      field(c, "spaces_running"), field(c, "spaces"));
  if (!field(c, "detail").empty()) out += field(c, "detail") + "\n";
  if (const auto copies = field(c, "copies_detail"); !copies.empty())
    out += "records: " + copies + "; `cluster copies` lists what there is\n";
  return out;
}

std::string zhosts(const std::string& text) {
  std::vector<std::vector<std::string>> rows = {
      {"ZHOST_ID", "STATE", "MODE", "SPACES", "CPU", "MEMORY", "HEARD", "DETAIL"}};
  const auto entries = list(parse(text), "zhosts");
  for (const auto& z : entries)
    rows.push_back(
        {field(z, "zhost_id"), field(z, "state"), field(z, "mode"), field(z, "spaces"),
         format("{:.1f}/{:.0f}", number(z, "cpu_used"), number(z, "cpu_cores")),
         size(number(z, "memory_used_bytes")) + "/" + size(number(z, "memory_total_bytes")),
         format("{:.0f} ms ago", number(z, "heard_ms_ago")), or_dash(field(z, "detail"))});
  return table(rows);
}

std::string spaces(const std::string& text) {
  std::vector<std::vector<std::string>> rows = {
      {"SPACE", "TOPOLOGY", "TYPE", "STATE", "EPOCH", "MAILBOX", "MEMORY", "FINISHED"}};
  const auto entries = list(parse(text), "spaces");
  for (const auto& s : entries)
    rows.push_back({field(s, "space"), field(s, "topology"), field(s, "type"), field(s, "state"),
                    field(s, "epoch"), field(s, "mailbox_messages"),
                    size(number(s, "memory_bytes")), field(s, "messages_finished")});
  return table(rows);
}

std::string space(const std::string& text) {
  const auto s = parse(text);
  auto out = format(
      "Space: {}\nTopology: {} ({})\nZhost: {}\nType: {}\nState: {}\nEpoch: {}, run {}\nMemory: {} "
      "of "
      "{}\nMailbox: {} of {} messages, {} of {}\nFinished: {}\nRestarts: {}\nLog lines dropped: "
      "{}\n",
      field(s, "space"), field(s, "topology"), field(s, "topology_id"), field(s, "zhost"),
      field(s, "type"), field(s, "state"), field(s, "epoch"), field(s, "run"),
      size(number(s, "memory_bytes")), size(number(s, "memory_limit_bytes")),
      field(s, "mailbox_messages"), field(s, "mailbox_messages_limit"),
      size(number(s, "mailbox_bytes")), size(number(s, "mailbox_bytes_limit")),
      field(s, "messages_finished"), field(s, "restarts"), field(s, "log_lines_dropped"));
  if (!field(s, "detail").empty()) out += format("Detail: {}\n", field(s, "detail"));
  if (s.contains("last_log") && !s["last_log"].empty()) {
    out += "Last log lines:\n";
    for (const auto& line : list(s, "last_log")) out += "  " + text_of(line) + "\n";
  }
  return out;
}

std::string logs(const std::string& text) {
  std::string out;
  const auto lines = list(parse(text), "lines");
  for (const auto& line : lines) out += text_of(line, 4096) + "\n";
  return out;
}

std::string dead_letters(const std::string& text, std::size_t found, const std::string& of,
                         const Names& names) {
  const auto d = parse(text);
  std::vector<std::vector<std::string>> rows = {
      {"ID", "TOPOLOGY", "PATH", "FROM", "TO", "SEQ", "BYTES", "REASON"}};
  for (const auto& l : list(d, "letters"))
    rows.push_back({field(l, "id"), name_of(field(l, "topology_id"), names), field(l, "path"),
                    field(l, "from"), field(l, "to"), field(l, "seq"), field(l, "bytes"),
                    field(l, "reason")});
  return (of.empty() ? format("Dead letters: {} kept here, {} in all since zrun started\n", found,
                              field(d, "total"))
                     : format("Dead letters of {}: {} kept here\n", of, found)) +
         (rows.size() > 1 ? table(rows) : "");
}

std::string dead_letter(const std::string& text, const Names& names) {
  const auto l = parse(text);
  std::string out;
  for (const auto& [label, name] : {std::pair{"Id", "id"},
                                    {"Topology", "topology_id"},
                                    {"Path", "path"},
                                    {"From", "from"},
                                    {"To", "to"},
                                    {"Number", "seq"},
                                    {"Deliveries", "deliveries"},
                                    {"At", "at"},
                                    {"Reason", "reason"},
                                    {"Bytes", "bytes"}})
    out += format(
        "{:<12}{}\n", std::string(label) + ":",
        std::string(name) == "topology_id" ? name_of(field(l, name), names) : field(l, name));
  if (field(l, "retrying") == "true") out += "It is being delivered again.\n";
  const auto payload = stdx::base64_decode(field(l, "payload"));
  if (payload) out += "Payload:    " + stdx::printable(*payload, 4096) + "\n";
  return out;
}

}  // namespace zshell::render
