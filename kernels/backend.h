#pragma once
/// One back end: the entry points of every kernel family. The CPU back end is linked in; a CUDA back end is a second
/// value of this struct, with device pointers in the same argument structs. Who calls a family includes its header: the
/// families are only named here, so that a change of one recompiles its own users.

#include "kernels/families.h"

namespace engram::kernels {

#define ENGRAM_DECLARE_FAMILY(family, Family) struct Family##Kernels;
ENGRAM_KERNEL_FAMILIES(ENGRAM_DECLARE_FAMILY)
#undef ENGRAM_DECLARE_FAMILY

struct Backend {
  const char* name;
#define ENGRAM_FAMILY_MEMBER(family, Family) const Family##Kernels& family;
  ENGRAM_KERNEL_FAMILIES(ENGRAM_FAMILY_MEMBER)
#undef ENGRAM_FAMILY_MEMBER
};

/// The CPU back end.
const Backend& cpu_backend();

}  // namespace engram::kernels
