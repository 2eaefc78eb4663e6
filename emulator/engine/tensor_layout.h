#pragma once
/// Which elements of their matrices a lane's registers hold at mma.sync (PTX ISA, "Matrix fragments for mma.m16n8k8"
/// and the like). With g = lane / 4 and t = lane % 4; slots count elements, two a register for 16-bit types, the lower
/// one in the lower half.

namespace emu {

struct Element {
  int row, column;
};

/// A, 16 x k. TF32: four slots (k = 8) or two (k = 4); 16-bit types: eight.
constexpr Element tf32_a(int lane, int slot) {
  return {lane / 4 + 8 * (slot & 1), lane % 4 + 4 * (slot >> 1)};
}
constexpr Element half_a(int lane, int slot) {
  return {lane / 4 + 8 * (slot >> 1 & 1), 2 * (lane % 4) + (slot & 1) + 8 * (slot >> 2)};
}

/// B, k x 8. TF32: two slots (k = 8) or one (k = 4); 16-bit types: four.
constexpr Element tf32_b(int lane, int slot) {
  return {lane % 4 + 4 * slot, lane / 4};
}
constexpr Element half_b(int lane, int slot) {
  return {2 * (lane % 4) + (slot & 1) + 8 * (slot >> 1), lane / 4};
}

/// C and D, 16 x 8, of all shapes: four slots.
constexpr Element accumulator(int lane, int slot) {
  return {lane / 4 + 8 * (slot >> 1), 2 * (lane % 4) + (slot & 1)};
}

}  // namespace emu
