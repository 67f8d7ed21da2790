#pragma once

#include <cstdio>
#include <cstdlib>

/// Aborts on a bug of Floe's own, in every build; never for input, which gets a Status.
#define FLOE_CHECK(condition)                                                            \
  do {                                                                                   \
    if (!(condition)) [[unlikely]] {                                                     \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

#ifdef NDEBUG
#define FLOE_DCHECK(condition) ((void)0)
#else
#define FLOE_DCHECK(condition) FLOE_CHECK(condition)
#endif
