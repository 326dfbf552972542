// SPDX-License-Identifier: Apache-2.0
#include "wasm/interface.h"

#include <algorithm>

#include "stdx/text.h"

namespace wasm {
namespace {

using stdx::Code;
using stdx::fail;
using stdx::format;
using stdx::Result;

// Sections by their number in the binary format.
enum Section : std::uint8_t {
  types = 1,
  imports = 2,
  functions = 3,
  memories = 5,
  exports = 7,
  start = 8
};
enum Kind : std::uint8_t { function = 0, table = 1, memory = 2, global = 3, tag = 4 };

class Reader {
 public:
  explicit Reader(stdx::BytesView bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }

  Result<std::uint8_t> byte() {
    if (rest_.empty()) return fail(Code::invalid, "the module ends in the middle of a section");
    const auto value = static_cast<std::uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return value;
  }
  // Unsigned LEB128, at most `bits` wide.
  Result<std::uint64_t> number(unsigned bits = 32) {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      TRY_ASSIGN(const std::uint8_t b, byte());
      if (shift >= bits || (shift + 7 > bits && (b & 0x7f) >> (bits - shift) != 0))
        return fail(Code::invalid, "a number of the module is too wide");
      value |= static_cast<std::uint64_t>(b & 0x7f) << shift;
      if ((b & 0x80) == 0) return value;
    }
  }
  Result<stdx::BytesView> bytes(std::uint64_t n) {
    if (n > rest_.size()) return fail(Code::invalid, "a length of the module points past its end");
    const auto part = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return part;
  }
  Result<std::string> name() {
    TRY_ASSIGN(const std::uint64_t n, number());
    TRY_ASSIGN(const auto text, bytes(n));
    return std::string(text);
  }
  // A count of things that take at least one byte each.
  Result<std::uint64_t> count() {
    TRY_ASSIGN(const std::uint64_t n, number());
    if (n > rest_.size()) return fail(Code::invalid, "a count of the module points past its end");
    return n;
  }

 private:
  stdx::BytesView rest_;
};

char letter_of(std::uint8_t type) {
  switch (type) {
    case 0x7f:
      return 'i';
    case 0x7e:
      return 'I';
    case 0x7d:
      return 'f';
    case 0x7c:
      return 'F';
    default:
      return '?';
  }
}

class Parser {
 public:
  Result<Interface> parse(stdx::BytesView module) {
    if (module.size() > module_bytes_max)
      return fail(Code::invalid, format("the module has {} bytes; {} are allowed", module.size(),
                                        module_bytes_max));
    constexpr stdx::BytesView magic("\0asm\1\0\0\0", 8);
    // The same magic, layer 1.
    if (module.size() >= 8 && module.starts_with(magic.substr(0, 4)) && module[6] == 1)
      return fail(Code::unsupported,
                  "this is a WebAssembly component (WASI preview 2 or later); a space is a core "
                  "module: build it for WASI preview 1, e.g. Rust's target wasm32-wasip1 in place "
                  "of wasm32-wasip2, or `-target=wasip1` in place of wasip2");
    if (!module.starts_with(magic))
      return fail(Code::invalid, "not a WebAssembly module of version 1");
    Reader reader(module.substr(magic.size()));
    while (!reader.empty()) {
      TRY_ASSIGN(const std::uint8_t id, reader.byte());
      TRY_ASSIGN(const std::uint64_t length, reader.number());
      TRY_ASSIGN(const auto body, reader.bytes(length));
      TRY(section(id, Reader(body)));
    }
    return std::move(interface_);
  }

 private:
  stdx::Status section(std::uint8_t id, Reader reader) {
    switch (id) {
      case types:
        return type_section(reader);
      case imports:
        return import_section(reader);
      case functions:
        return function_section(reader);
      case memories:
        return memory_section(reader);
      case exports:
        return export_section(reader);
      case start:
        interface_.has_start = true;
        return {};
      default:
        return {};
    }
  }

  stdx::Status type_section(Reader& reader) {
    TRY_ASSIGN(const std::uint64_t n, reader.count());
    for (std::uint64_t i = 0; i < n; ++i) {
      TRY_ASSIGN(const std::uint8_t form, reader.byte());
      if (form != 0x60) return fail(Code::invalid, "the module uses types that are not offered");
      Signature signature;
      for (int side = 0; side < 2; ++side) {
        TRY_ASSIGN(const std::uint64_t values, reader.count());
        if (values > 1000) return fail(Code::invalid, "a function type has over 1000 values");
        for (std::uint64_t k = 0; k < values; ++k) {
          TRY_ASSIGN(const std::uint8_t type, reader.byte());
          // A reference type may go on; none of ours is one, so its letter is enough.
          signature += letter_of(type);
          if (type == 0x63 || type == 0x64) {
            TRY(reader.number(33));
          }
        }
        if (side == 0) signature += '>';
      }
      types_.push_back(std::move(signature));
    }
    return {};
  }

  Result<Signature> type(std::uint64_t index) const {
    if (index >= types_.size()) return fail(Code::invalid, "a function has no type");
    return types_[index];
  }

  static Result<std::uint64_t> limits(Reader& reader) {
    TRY_ASSIGN(const std::uint8_t flags, reader.byte());
    TRY_ASSIGN(const std::uint64_t minimum, reader.number(64));
    if (flags & 1) {
      TRY(reader.number(64));
    }
    if (flags & 8) {
      TRY(reader.number());
    }
    return minimum;
  }

  stdx::Status import_section(Reader& reader) {
    TRY_ASSIGN(const std::uint64_t n, reader.count());
    if (n > imports_max)
      return fail(Code::invalid,
                  format("the module has {} imports; {} are allowed", n, imports_max));
    for (std::uint64_t i = 0; i < n; ++i) {
      Import import;
      TRY_ASSIGN(import.module, reader.name());
      TRY_ASSIGN(import.name, reader.name());
      TRY_ASSIGN(const std::uint8_t kind, reader.byte());
      switch (kind) {
        case function: {
          TRY_ASSIGN(const std::uint64_t index, reader.number());
          TRY_ASSIGN(import.signature, type(index));
          functions_.push_back(import.signature);
          break;
        }
        case table: {
          TRY(reader.byte());
          TRY(limits(reader));
          break;
        }
        case memory: {
          TRY(limits(reader));
          break;
        }
        case global: {
          TRY(reader.byte());
          TRY(reader.byte());
          break;
        }
        case tag: {
          TRY(reader.byte());
          TRY(reader.number());
          break;
        }
        default:
          return fail(Code::invalid, "the module imports something unknown");
      }
      interface_.imports.push_back(std::move(import));
    }
    return {};
  }

  stdx::Status function_section(Reader& reader) {
    TRY_ASSIGN(const std::uint64_t n, reader.count());
    for (std::uint64_t i = 0; i < n; ++i) {
      TRY_ASSIGN(const std::uint64_t index, reader.number());
      TRY_ASSIGN(auto signature, type(index));
      functions_.push_back(std::move(signature));
    }
    return {};
  }

  stdx::Status memory_section(Reader& reader) {
    TRY_ASSIGN(const std::uint64_t n, reader.count());
    if (n > 1) return fail(Code::invalid, "the module has more than one memory");
    if (n == 1) {
      TRY_ASSIGN(interface_.memory_pages_min, limits(reader));
    }
    return {};
  }

  stdx::Status export_section(Reader& reader) {
    TRY_ASSIGN(const std::uint64_t n, reader.count());
    if (n > exports_max)
      return fail(Code::invalid,
                  format("the module has {} exports; {} are allowed", n, exports_max));
    for (std::uint64_t i = 0; i < n; ++i) {
      Export exported;
      TRY_ASSIGN(exported.name, reader.name());
      TRY_ASSIGN(const std::uint8_t kind, reader.byte());
      TRY_ASSIGN(const std::uint64_t index, reader.number());
      if (kind == function) {
        if (index >= functions_.size())
          return fail(Code::invalid, format("export '{}' is no function of the module",
                                            stdx::printable(exported.name, 80)));
        exported.signature = functions_[index];
      }
      interface_.exports.push_back(std::move(exported));
    }
    return {};
  }

  Interface interface_;
  std::vector<Signature> types_, functions_;
};

}  // namespace

const Export* Interface::find_export(std::string_view name) const {
  const auto at =
      std::find_if(exports.begin(), exports.end(), [&](const Export& e) { return e.name == name; });
  return at == exports.end() ? nullptr : &*at;
}

Result<Interface> read_interface(stdx::BytesView module) {
  return Parser().parse(module);
}

}  // namespace wasm
