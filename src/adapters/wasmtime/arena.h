// SPDX-License-Identifier: Apache-2.0
#pragma once

// Linear memories and fiber stacks cut from few big mappings, so that the number of spaces is bound
// by memory and not by vm.max_map_count. Slots come in size classes; a
// slot's pages go back to the kernel before it is used again, so no guest sees another's bytes.
// Thread-safe.

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
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

// The size classes of linear memories: 128 KiB to 4 GiB in steps of eight and less. The kernel
// takes about 0.1 ms for each MiB that is given back; more than `at_once_bytes` is given back on a
// thread of its own, so that the end of a large guest holds nobody up. Its slot is taken again
// after that.
class MemoryArena {
 public:
  static constexpr std::size_t at_once_bytes = 4u << 20;

  MemoryArena();
  ~MemoryArena();
  struct Slot {
    std::uint8_t* base = nullptr;
    std::size_t capacity = 0;
    unsigned size_class = 0;
  };
  // A slot of at least `bytes`; base is null when there is none.
  Slot take(std::size_t bytes);
  void give_back(const Slot& slot, std::size_t touched_bytes);
  // What is in the slot, in a slot of at least `bytes`; `held` are in use. Up to at_once_bytes are
  // copied; of more the pages change their place, to the largest class. Base is null, and nothing
  // changed, when there is no such slot.
  Slot move_to_larger(const Slot& slot, std::size_t held, std::size_t bytes);
  // Until everything is given back.
  void wait_for_large();

 private:
  void give_back_large();

  std::vector<std::unique_ptr<SlotArena>> classes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<Slot, std::size_t>> large_;  // at most one entry per slot
  bool giving_back_ = false, over_ = false;
  std::thread thread_;  // from the first large one on
};

// Whether stack guards are MADV_GUARD_INSTALL (no mapping each) or mprotect (one each).
bool has_guard_install();

}  // namespace adapters::wasmtime
