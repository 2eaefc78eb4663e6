/// Any bytes: a table is refused with DataError, or has a header of different names and records of its length, and
/// written again it reads as the same table.

#include <cstdint>

#include "engine/io/csv.h"
#include "kernels/common/error.h"
#include "tests/fuzz/require.h"

namespace io = engram::io;

namespace {

void append_line(std::string& text, const std::vector<std::string>& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) io::append_csv_cell(text, i, cells[i]);
  if (cells.size() == 1 && cells[0].empty()) text += "\"\"";  // a blank line at the end would be no record
  text += '\n';
}

/// Reads the numbers too: each cell is a number, or named in an error.
void read_numbers(io::ByteView bytes) {
  io::CsvReader reader(bytes, "fuzz");
  while (reader.next()) {
    for (std::size_t column = 0; column < reader.header().size(); ++column) {
      double value = 0;
      const bool is_number = io::parse_number(reader.cells()[column], value);
      try {
        ENGRAM_REQUIRE(reader.number(column) == value && is_number);
      } catch (const engram::DataError&) {
        ENGRAM_REQUIRE(!is_number);
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const io::ByteView bytes(data, size);
  io::CsvTable table;
  try {
    table = io::parse_csv(bytes, "fuzz");
  } catch (const engram::DataError&) {
    return 0;
  }
  read_numbers(bytes);
  std::string text;
  append_line(text, table.header);
  for (const auto& row : table.rows) {
    ENGRAM_REQUIRE(row.size() == table.header.size());
    append_line(text, row);
  }
  // What is written has no byte order mark, so a first name that begins with one would lose it.
  if (table.header.front().starts_with("\xEF\xBB\xBF")) return 0;
  const io::CsvTable again = io::parse_csv(io::as_bytes(text), "again");
  ENGRAM_REQUIRE(again.header == table.header && again.rows == table.rows);
  return 0;
}
