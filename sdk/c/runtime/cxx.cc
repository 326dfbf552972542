// SPDX-License-Identifier: Apache-2.0
// What a C++ compiler may call, for guests without the C++ library. There is no heap: `new` of such
// a guest does not link.
extern "C" {
// An instance ends without destroying its static objects.
int __cxa_atexit(void (*)(void*), void*, void*) {
  return 0;
}
void __cxa_pure_virtual() {
  __builtin_trap();
}
void* __dso_handle = nullptr;
}
// Of a virtual destructor's table; called only by `delete`.
void operator delete(void*) noexcept {}
void operator delete(void*, decltype(sizeof 0)) noexcept {}
