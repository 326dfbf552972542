// SPDX-License-Identifier: Apache-2.0
#pragma once

// Linear memories and fiber stacks cut from few big mappings, so that the number of spaces is bound
// by memory and not by vm.max_map_count. Slots come in size classes; a
// slot's pages go back to the kernel before it is used again, so no guest sees another's bytes.
// Thread-safe.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace adapters::wasmtime {

// Slots of one size.
class SlotArena {
 public:
  // `guard_bytes` at the low end of each slot are inaccessible (stacks grow down).
  SlotArena(std::size_t slot_bytes, std::size_t guard_bytes);
  ~SlotArena();
  SlotArena(const SlotArena&) = delete;

  std::uint8_t* take();  // null when the kernel gives no more address space
  void give_back(std::uint8_t* slot, std::size_t touched_bytes);
  std::size_t slot_bytes() const { return slot_bytes_; }

 private:
  bool map_more();
  void guard(std::uint8_t* slot);

  std::size_t slot_bytes_, guard_bytes_;
  // From slot to slot; a page more than a slot, so that the pages which every space uses (top of
  // the stack, start of the memory) do not all fall into the same few sets of the TLB: a twentieth
  // of a hop (bench/engine_bench).
  std::size_t stride_;
  std::mutex mutex_;
  std::vector<std::uint8_t*> free_;
  std::vector<std::pair<std::uint8_t*, std::size_t>> mappings_;
  std::uint8_t* next_ = nullptr;
  std::size_t left_ = 0;
};

// The size classes of linear memories: 128 KiB to 4 GiB in steps of eight and less.
class MemoryArena {
 public:
  MemoryArena();
  struct Slot {
    std::uint8_t* base = nullptr;
    std::size_t capacity = 0;
    unsigned size_class = 0;
  };
  // A slot of at least `bytes`; base is null when there is none.
  Slot take(std::size_t bytes);
  void give_back(const Slot& slot, std::size_t touched_bytes);

 private:
  std::vector<std::unique_ptr<SlotArena>> classes_;
};

// Whether stack guards are MADV_GUARD_INSTALL (no mapping each) or mprotect (one each).
bool has_guard_install();

}  // namespace adapters::wasmtime
