#pragma once
/// Atomics in global and shared memory. They are real atomics, because blocks may be spread over several threads; one
/// worker runs them in a fixed order.

#include <cstddef>
#include <type_traits>

#include "emulator/dialect/keywords.h"
#include "emulator/source_location.h"

namespace emu {

/// Tells the checker and the counters of an atomic access; does nothing without them.
void note_atomic(const void* address, std::size_t bytes, SourceLocation caller);

/// Replaces *p by update(*p) in one step and returns the old value.
template <class T, class Update>
EMU_UNINSTRUMENTED T read_modify_write(T* p, Update update, SourceLocation caller) {
  note_atomic(p, sizeof(T), caller);
  T old_value, new_value;
  __atomic_load(p, &old_value, __ATOMIC_RELAXED);
  do {
    new_value = update(old_value);
  } while (!__atomic_compare_exchange(p, &old_value, &new_value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return old_value;
}

}  // namespace emu

template <class T>
T atomicAdd(T* p, std::type_identity_t<T> v, EMU_CALLER) {
  return emu::read_modify_write(
      p, [v](T old) { return T(old + v); }, caller);
}
template <class T>
T atomicSub(T* p, std::type_identity_t<T> v, EMU_CALLER) {
  return emu::read_modify_write(
      p, [v](T old) { return T(old - v); }, caller);
}
template <class T>
T atomicMax(T* p, std::type_identity_t<T> v, EMU_CALLER) {
  static_assert(std::is_integral_v<T>, "CUDA has no atomicMax of floating-point numbers");
  return emu::read_modify_write(
      p, [v](T old) { return old < v ? v : old; }, caller);
}
template <class T>
T atomicMin(T* p, std::type_identity_t<T> v, EMU_CALLER) {
  static_assert(std::is_integral_v<T>, "CUDA has no atomicMin of floating-point numbers");
  return emu::read_modify_write(
      p, [v](T old) { return v < old ? v : old; }, caller);
}
template <class T>
T atomicAnd(T* p, std::type_identity_t<T> v, EMU_CALLER) {
  return emu::read_modify_write(
      p, [v](T old) { return T(old & v); }, caller);
}
template <class T>
T atomicOr(T* p, std::type_identity_t<T> v, EMU_CALLER) {
  return emu::read_modify_write(
      p, [v](T old) { return T(old | v); }, caller);
}
template <class T>
T atomicXor(T* p, std::type_identity_t<T> v, EMU_CALLER) {
  return emu::read_modify_write(
      p, [v](T old) { return T(old ^ v); }, caller);
}
template <class T>
T atomicExch(T* p, std::type_identity_t<T> v, EMU_CALLER) {
  return emu::read_modify_write(
      p, [v](T) { return v; }, caller);
}
template <class T>
T atomicCAS(T* p, std::type_identity_t<T> expected, std::type_identity_t<T> v, EMU_CALLER) {
  return emu::read_modify_write(
      p, [expected, v](T old) { return old == expected ? v : old; }, caller);
}
inline unsigned atomicInc(unsigned* p, unsigned limit, EMU_CALLER) {
  return emu::read_modify_write(
      p, [limit](unsigned old) { return old >= limit ? 0u : old + 1u; }, caller);
}
inline unsigned atomicDec(unsigned* p, unsigned limit, EMU_CALLER) {
  return emu::read_modify_write(
      p, [limit](unsigned old) { return old == 0 || old > limit ? limit : old - 1u; }, caller);
}
