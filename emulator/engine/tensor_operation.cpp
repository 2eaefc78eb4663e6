/// mma.sync and ldmatrix: warp operations whose operands lie on the lanes' stacks.

#include <array>
#include <cstring>
#include <utility>

#include "emulator/dialect/tensor.h"
#include "emulator/emulator.h"
#include "emulator/engine/block_sum.h"
#include "emulator/engine/hooks.h"
#include "emulator/engine/tensor_layout.h"
#include "emulator/engine/worker.h"

namespace emu {
namespace {

// What Thread::value points to at an mma, and at an ldmatrix.
struct MmaOperands {
  const std::uint32_t* a;
  const std::uint32_t* b;
  float* d;
};
struct MatrixLoad {
  std::uint32_t* registers;
  const char* row;
};

struct Shape {
  int k;
  bool half_sized;
  int a_registers, b_registers;
};

Shape shape_of(WarpOp op) {
  if (op == WarpOp::kMmaTf32K4) return {4, false, 2, 1};
  if (op == WarpOp::kMmaTf32) return {8, false, 4, 2};
  return {16, true, 4, 2};
}

Operand half_operand(WarpOp op, std::uint32_t pair, int slot) {
  const auto bits = std::uint16_t(pair >> 16 * (slot & 1));
  return op == WarpOp::kMmaBf16 ? operand_of_bf16(bits) : operand_of_half(bits);
}

// A by rows, B by columns.
struct Tile {
  std::array<std::array<Operand, 16>, 16> a;
  std::array<std::array<Operand, 16>, 8> b;

  void put_a(Element at, const Operand& v) { a[std::size_t(at.row)][std::size_t(at.column)] = v; }
  void put_b(Element at, const Operand& v) { b[std::size_t(at.column)][std::size_t(at.row)] = v; }

  void add(WarpOp op, const Shape& shape, int lane, const MmaOperands& operands) {
    if (!shape.half_sized) {
      for (int i = 0; i < shape.a_registers; ++i) put_a(tf32_a(lane, i), operand_of_tf32(operands.a[i]));
      for (int i = 0; i < shape.b_registers; ++i) put_b(tf32_b(lane, i), operand_of_tf32(operands.b[i]));
      return;
    }
    for (int i = 0; i < 8; ++i) put_a(half_a(lane, i), half_operand(op, operands.a[i / 2], i));
    for (int i = 0; i < 4; ++i) put_b(half_b(lane, i), half_operand(op, operands.b[i / 2], i));
  }
};

bool any_unset(const void* registers, int count) {
  for (int i = 0; i < count; ++i) {
    std::uint32_t bits;
    std::memcpy(&bits, static_cast<const char*>(registers) + 4 * i, sizeof bits);
    if (bits == tensor::kUnsetRegister) return true;
  }
  return false;
}

void check_operands(const Thread& lane, const Shape& shape, const MmaOperands& operands) {
  const char* unset = any_unset(operands.a, shape.a_registers)   ? "A"
                      : any_unset(operands.b, shape.b_registers) ? "B"
                      : any_unset(operands.d, 4)                 ? "the accumulator"
                                                                 : nullptr;
  if (unset) {
    add_report(Tool::kInitcheck, "Uninitialized fragment at mma", short_place(lane.location),
               {std::string(unset) + " of lane " + std::to_string(lane.lane) + " holds a register that was never set"});
  }
  if (!options().check_tf32 || shape.half_sized) return;
  std::uint32_t low_bits = 0;
  for (int i = 0; i < shape.a_registers; ++i) low_bits |= operands.a[i] & 0x1fffu;
  for (int i = 0; i < shape.b_registers; ++i) low_bits |= operands.b[i] & 0x1fffu;
  if (low_bits != 0) {
    add_report(Tool::kInitcheck, "Operand at mma was not rounded to TF32", short_place(lane.location),
               {"low bits of lane " + std::to_string(lane.lane) + " are set; EMU_CHECK_TF32 asks for round_tf32"});
  }
}

int matrices_of(WarpOp op) {
  switch (op) {
    case WarpOp::kLdmatrix1:
    case WarpOp::kLdmatrix1Trans:
      return 1;
    case WarpOp::kLdmatrix2:
    case WarpOp::kLdmatrix2Trans:
      return 2;
    default:
      return 4;
  }
}

template <class Record>
const Record& record_of(const Thread& lane) {
  return *reinterpret_cast<const Record*>(std::uintptr_t(lane.value));
}

void multiply(const Thread* warp) {
  const WarpOp op = warp[0].warp_op;
  const Shape shape = shape_of(op);
  Tile tile;
  for (int lane = 0; lane < 32; ++lane) {
    const auto& operands = record_of<MmaOperands>(warp[lane]);
    check_operands(warp[lane], shape, operands);
    tile.add(op, shape, lane, operands);
  }
  for (int lane = 0; lane < 32; ++lane) {
    float* d = record_of<MmaOperands>(warp[lane]).d;
    for (int i = 0; i < 4; ++i) {
      const Element at = accumulator(lane, i);
      d[i] = sum_of_products(tile.a[std::size_t(at.row)].data(), tile.b[std::size_t(at.column)].data(), shape.k, d[i],
                             shape.half_sized, options().arithmetic);
    }
  }
}

void load(const Thread* warp) {
  const WarpOp op = warp[0].warp_op;
  const bool transposed = op >= WarpOp::kLdmatrix1Trans;
  for (int lane = 0; lane < 32; ++lane) {
    std::uint32_t* registers = record_of<MatrixLoad>(warp[lane]).registers;
    for (int i = 0; i < 2 * matrices_of(op); ++i) {
      int row = lane / 4, column = 2 * (lane % 4) + (i & 1);
      if (transposed) std::swap(row, column);
      const char* from = record_of<MatrixLoad>(warp[8 * (i / 2) + row]).row + 2 * column;
      std::memcpy(reinterpret_cast<char*>(registers) + 2 * i, from, 2);
    }
  }
}

constexpr unsigned kWholeWarp = 0xffffffffu;

std::uint64_t bits_of(const void* record) {
  return std::uintptr_t(record);
}

}  // namespace

bool is_mma(WarpOp op) {
  return op >= WarpOp::kMmaTf32 && op <= WarpOp::kMmaF16;
}

bool is_tensor_operation(WarpOp op) {
  return op >= WarpOp::kMmaTf32;
}

void run_tensor_operation(const Thread* warp) {
  if (is_mma(warp[0].warp_op)) {
    multiply(warp);
  } else {
    load(warp);
  }
}

void multiply_fragments(WarpOp op, const std::uint32_t* a, const std::uint32_t* b, float* d, SourceLocation caller) {
  const MmaOperands operands{a, b, d};
  current_worker->warp_operation(op, kWholeWarp, bits_of(&operands), 0, 32, caller);
}

// Lanes beyond those of the matrices give addresses that nobody looks at.
void load_matrices(WarpOp op, std::uint32_t* registers, std::uint32_t row, SourceLocation caller) {
  MatrixLoad record{registers, nullptr};
  if (lane_id() < 8u * unsigned(matrices_of(op))) {
    record.row = current_worker->shared_pointer(row, 16, "read", caller);
    if (hooks().access) hooks().access(record.row, 16, AccessKind::kMatrixRead, nullptr, caller);
  }
  current_worker->warp_operation(op, kWholeWarp, bits_of(&record), 0, 32, caller);
}

std::uint32_t shared_offset(const void* p, SourceLocation caller) {
  return current_worker->shared_offset(p, caller);
}
char* shared_pointer(std::uint32_t at, std::size_t bytes, const char* access, SourceLocation caller) {
  return current_worker->shared_pointer(at, bytes, access, caller);
}

}  // namespace emu
