#pragma once
/// EMU_ASAN(statement): the statement in builds with the address sanitizer, nothing in others.

#if defined(__SANITIZE_ADDRESS__)
#define EMU_WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EMU_WITH_ASAN 1
#endif
#endif
#if defined(EMU_WITH_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define EMU_ASAN(...) __VA_ARGS__
#else
#define EMU_WITH_ASAN 0
#define EMU_ASAN(...)
#endif
