#include "engine/io/file_dtype.h"

namespace engram::io {
namespace {

struct Row {
  FileDType dtype;
  std::string_view name;
  std::size_t bytes;
};

/// One row per type, in the order of the enumeration.
constexpr Row kRows[] = {
    {FileDType::kBool, "BOOL", 1},      {FileDType::kU8, "U8", 1},          {FileDType::kI8, "I8", 1},
    {FileDType::kF8E5M2, "F8_E5M2", 1}, {FileDType::kF8E4M3, "F8_E4M3", 1}, {FileDType::kF8E8M0, "F8_E8M0", 1},
    {FileDType::kI16, "I16", 2},        {FileDType::kU16, "U16", 2},        {FileDType::kF16, "F16", 2},
    {FileDType::kBF16, "BF16", 2},      {FileDType::kI32, "I32", 4},        {FileDType::kU32, "U32", 4},
    {FileDType::kF32, "F32", 4},        {FileDType::kC64, "C64", 8},        {FileDType::kF64, "F64", 8},
    {FileDType::kI64, "I64", 8},        {FileDType::kU64, "U64", 8},
};

constexpr bool rows_in_order() {
  for (std::size_t i = 0; i < std::size(kRows); ++i) {
    if (static_cast<std::size_t>(kRows[i].dtype) != i) return false;
  }
  return true;
}
static_assert(rows_in_order());

}  // namespace

std::size_t file_dtype_bytes(FileDType dtype) {
  return kRows[static_cast<std::size_t>(dtype)].bytes;
}

std::string_view file_dtype_name(FileDType dtype) {
  return kRows[static_cast<std::size_t>(dtype)].name;
}

std::optional<FileDType> file_dtype_from_name(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

}  // namespace engram::io
