// SPDX-License-Identifier: Apache-2.0
#include "adapters/wasmtime/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <system_error>

namespace adapters::wasmtime {
namespace {

constexpr int madv_guard_install = 102;  // Linux 6.13; not in Debian 12's headers
constexpr int mremap_dont_unmap = 4;     // Linux 5.7
constexpr std::size_t page = 4096;
constexpr std::size_t chunk_bytes = 1ull << 30;
constexpr std::size_t piece_bytes = 2u << 20;
constexpr std::size_t memory_classes[] = {128ull << 10, 512ull << 10, 2ull << 20,
                                          8ull << 20,   16ull << 20,  64ull << 20,
                                          256ull << 20, 1ull << 30,   (4ull << 30) + page};

}  // namespace

bool has_guard_install() {
  static const bool has = [] {
    void* probe = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED) return false;
    const bool good = madvise(probe, page, madv_guard_install) == 0;
    munmap(probe, page);
    return good;
  }();
  return has;
}

SlotArena::SlotArena(std::size_t slot_bytes, std::size_t guard_bytes)
    : slot_bytes_(slot_bytes), guard_bytes_(guard_bytes), stride_(slot_bytes + page) {}

SlotArena::~SlotArena() {
  for (const auto& [base, bytes] : mappings_) munmap(base, bytes);
}

bool SlotArena::map_more() {
  const std::size_t bytes = std::max(chunk_bytes / stride_, std::size_t{1}) * stride_;
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return false;
  // Huge pages would make each small slot cost 2 MiB.
  madvise(base, bytes, MADV_NOHUGEPAGE);
  next_ = static_cast<std::uint8_t*>(base);
  left_ = bytes;
  mappings_.emplace_back(next_, bytes);
  return true;
}

void SlotArena::guard(std::uint8_t* slot) {
  if (guard_bytes_ == 0) return;
  if (has_guard_install())
    madvise(slot, guard_bytes_, madv_guard_install);
  else
    mprotect(slot, guard_bytes_, PROT_NONE);
}

std::uint8_t* SlotArena::take() {
  const std::lock_guard lock(mutex_);
  if (!free_.empty()) {
    auto* slot = free_.back();
    free_.pop_back();
    return slot;
  }
  if (left_ < stride_ && !map_more()) return nullptr;
  auto* slot = next_;
  next_ += stride_;
  left_ -= stride_;
  guard(slot);
  return slot;
}

void SlotArena::give_back(std::uint8_t* slot, std::size_t touched_bytes) {
  const std::size_t bytes = (std::min(touched_bytes, slot_bytes_) + page - 1) / page * page;
  // DONTNEED, not FREE: the next reader must see zeros, whatever the kernel's mood.
  // In pieces: the kernel holds the lock of the address space for the whole of each.
  if (guard_bytes_ == 0)
    for (std::size_t at = 0; at < bytes; at += piece_bytes)
      madvise(slot + at, std::min(piece_bytes, bytes - at), MADV_DONTNEED);
  else
    madvise(slot + guard_bytes_, slot_bytes_ - guard_bytes_, MADV_DONTNEED);
  const std::lock_guard lock(mutex_);
  free_.push_back(slot);
}

MemoryArena::MemoryArena() {
  for (const auto bytes : memory_classes) classes_.push_back(std::make_unique<SlotArena>(bytes, 0));
}

MemoryArena::Slot MemoryArena::take(std::size_t bytes) {
  for (unsigned i = 0; i < classes_.size(); ++i)
    if (bytes <= memory_classes[i]) return {classes_[i]->take(), memory_classes[i], i};
  return {};
}

MemoryArena::Slot MemoryArena::move_to_larger(const Slot& slot, std::size_t held,
                                              std::size_t bytes) {
  const bool moves = held > at_once_bytes;
  // A range that was moved is a mapping of its own, and a kernel moves one mapping at a time: so
  // pages move into the largest class alone, from where they never move on.
  const auto larger = take(moves ? memory_classes[std::size(memory_classes) - 1] : bytes);
  if (larger.base == nullptr) return larger;
  const auto pages = (held + page - 1) / page * page;
  // The old place stays mapped, and empty: it is a slot like before.
  const bool moved =
      moves && mremap(slot.base, pages, pages, MREMAP_MAYMOVE | MREMAP_FIXED | mremap_dont_unmap,
                      larger.base) == larger.base;
  if (!moved) {
    // The new place may be unmapped by now.
    if (moves &&
        mmap(larger.base, pages, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != larger.base)
      return {};  // that slot is lost
    std::copy_n(slot.base, held, larger.base);
  }
  give_back(slot, moved ? 0 : held);
  return larger;
}

MemoryArena::~MemoryArena() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void MemoryArena::give_back(const Slot& slot, std::size_t touched_bytes) {
  if (touched_bytes <= at_once_bytes)
    return classes_[slot.size_class]->give_back(slot.base, touched_bytes);
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable()) try {
      thread_ = std::thread([this] { give_back_large(); });
    } catch (const std::system_error&) {  // no thread is to be had now
      return classes_[slot.size_class]->give_back(slot.base, touched_bytes);
    }
  large_.emplace_back(slot, touched_bytes);
  changed_.notify_all();
}

void MemoryArena::give_back_large() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return over_ || !large_.empty(); });
    if (over_) return;  // the mappings go, and all slots with them
    const auto [slot, bytes] = large_.front();
    large_.pop_front();
    giving_back_ = true;
    lock.unlock();
    classes_[slot.size_class]->give_back(slot.base, bytes);
    lock.lock();
    giving_back_ = false;
    changed_.notify_all();
  }
}

void MemoryArena::wait_for_large() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return large_.empty() && !giving_back_; });
}

}  // namespace adapters::wasmtime
