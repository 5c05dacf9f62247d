#include "op-table.h"

#include "../ops/ops.h"

namespace revoxel {

Kernel kernelOf(Op op) {
  switch (op) {
#define REVOXEL_ENTRY(name) \
  case Op::name: return ops::name;
    REVOXEL_EACH_OP(REVOXEL_ENTRY)
#undef REVOXEL_ENTRY
  }
  throw Error("ERR_PLAN", "unknown operation");
}

}  // namespace revoxel
