// Giving memory back to the system.
//
// Thread: any. malloc keeps what is freed in the middle of its heaps; after a flood that is nearly
// all of it, since a few small live objects pin each heap's end.
#pragma once

#include <cstdlib>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace holdfast::base {

/// Whole free pages go back. Takes milliseconds after a flood (it walks the free chunks of all
/// heaps and holds their locks), so: not on the way of a request.
inline void return_freed_memory() noexcept {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

}  // namespace holdfast::base
