#pragma once
/// Tables of comma-separated values (RFC 4180): a strict reader whose errors name row and column, and a writer.
///
/// Read: a header line, then records with exactly as many cells. Cells may be in double quotes (a quote inside is
/// doubled; commas and line ends inside are content). Lines end in LF or CRLF, the last one also in nothing. A UTF-8
/// byte order mark at the start is skipped, and so are blank lines, as other readers do (in a table of one column, only
/// those at the end: an empty line between records is an empty cell there). Refused, each with what the file is
/// instead: UTF-16, a workbook, cells between semicolons or tabs; a quote inside an unquoted cell, text after a closing
/// quote, a carriage return alone, zero bytes, repeated column names, records of another length, an empty file.
/// Threads: any may call, also at the same time.
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/atomic_file.h"
#include "engine/io/bytes.h"

namespace engram::io {

/// Reads one table record by record, from memory or from a file of any length (a few megabytes of it at a time).
class CsvReader {
 public:
  /// Longest accepted record.
  static constexpr std::size_t kMaxRecordBytes = std::size_t{1} << 28;

  /// Reads `bytes`, which the caller keeps alive; `source` names them in errors. Reads the header: throws DataError as
  /// described above.
  CsvReader(ByteView bytes, std::string source);

  /// Reads a file. Throws IoError when it cannot be read, DataError for its header.
  static CsvReader open(const std::filesystem::path& path);

  CsvReader(CsvReader&&) noexcept;
  CsvReader& operator=(CsvReader&&) noexcept;
  ~CsvReader();

  /// Column names, unquoted.
  const std::vector<std::string>& header() const { return header_; }

  /// Index of a column, or -1.
  std::ptrdiff_t find_column(std::string_view name) const;

  /// Moves to the next record; false at the end. Throws DataError for malformed content, IoError when the file cannot
  /// be read.
  bool next();

  /// Cells of the current record, unquoted, as many as columns; valid until the next call of next().
  std::span<const std::string_view> cells() const { return cells_; }

  /// Number of the current record, from 0 (the header does not count).
  std::uint64_t row() const { return row_; }

  /// Line on which the current record begins, from 1.
  std::uint64_t line() const { return line_; }

  /// What the reader calls its input in errors.
  const std::string& source() const { return source_; }

  /// The cell as a finite number. Throws DataError as fail(): a missing cell, text, or "inf".
  double number(std::size_t column) const;

  /// The cell as 0 or 1 (also written 0.0 and 1.0). Throws DataError as fail().
  bool flag(std::size_t column) const;

  /// Throws DataError: `source`, row, line and column of the current record, what was expected, and the cell.
  [[noreturn]] void fail(std::size_t column, std::string_view expected) const;

 private:
  class FileInput;

  explicit CsvReader(std::string source);
  void read_header();
  // Throws DataError for the first bytes of a file that is no text of one byte a character.
  void refuse_other_files();
  // Throws DataError for a header that other separators divide.
  void refuse_other_separators();
  bool read_record();
  // The same, without lines that are empty but for spaces and tabs.
  bool read_filled_record();
  // Whether nothing but line ends follows.
  bool at_last_line_ends();
  bool refill();
  // Splits the next record into cells_ and consumes it; false if rest_ is empty or ends before the record does.
  bool scan_record();
  // Each appends the cell that begins at `at` to cells_ and returns what follows it; null if rest_ ends before.
  const char* scan_plain_cell(const char* at, const char* end);
  const char* scan_quoted_cell(const char* at, const char* end, std::uint64_t& line_feeds);
  std::string_view unescape(std::string_view content);
  [[noreturn]] void fail_syntax(std::string_view what) const;

  std::string source_;
  std::unique_ptr<FileInput> file_;
  std::string_view rest_;  // not yet consumed
  bool complete_ = true;   // rest_ reaches to the end of the input
  std::vector<std::string> header_;
  std::vector<std::string_view> cells_;
  std::vector<std::unique_ptr<std::string>> unescaped_;  // cells with doubled quotes, kept for reuse
  std::size_t unescaped_used_ = 0;
  std::uint64_t row_ = std::numeric_limits<std::uint64_t>::max();  // before the first record
  std::uint64_t line_ = 0, next_line_ = 1;
  bool blank_ = false;  // the current record is a line without content
};

/// Whether a cell says that a value is missing: empty or blank, or NA, N/A, NaN, nan, null, NULL, None.
bool is_missing(std::string_view cell);

/// The cell as a number, all of it but spaces and tabs around it and a plus sign before it; false if it is none or not
/// finite.
bool parse_number(std::string_view cell, double& value);

/// A table in memory.
struct CsvTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

/// Reads a whole table that lies in memory. Throws DataError.
CsvTable parse_csv(ByteView bytes, const std::string& source);

/// Appends one cell to a line that has `filled` cells already: a comma before it if that is not 0, quotes where needed.
void append_csv_cell(std::string& line, std::size_t filled, std::string_view text);

/// What a text may do in the programs that open a table.
enum class CsvTexts : std::uint8_t {
  /// A text that begins with = + - @, a tab or a carriage return is written with an apostrophe before it, so that a
  /// spreadsheet shows it and does not run it as a formula. Control characters but tabs and line feeds become question
  /// marks:
  /// the table may be shown on a terminal.
  kForSpreadsheets,
  kAsTheyAre,  ///< for files that are read back
};

/// Writes a table: lines end in LF, cells are quoted where they must be, numbers have the fewest digits that read back
/// as the same double. The file appears whole with commit(), or not at all.
class CsvWriter {
 public:
  /// Takes the text of one or more whole lines.
  using Sink = std::function<void(std::string_view)>;

  /// Starts the file with its header. Throws IoError as AtomicFile.
  CsvWriter(const std::filesystem::path& path, std::span<const std::string> header,
            CsvTexts texts = CsvTexts::kForSpreadsheets);
  /// As above, of a table that goes elsewhere, line by line.
  CsvWriter(Sink sink, std::span<const std::string> header);

  /// Appends a cell to the current row.
  CsvWriter& cell(std::string_view text);
  CsvWriter& cell(double value);
  CsvWriter& cell(std::int64_t value);

  /// Ends the row. Throws UsageError unless it has as many cells as the header.
  void end_row();

  /// Makes the file durable under its name. Throws IoError, and UsageError within a row.
  void commit();

 private:
  CsvWriter(Sink sink, std::span<const std::string> header, std::unique_ptr<AtomicFile> file, CsvTexts texts);

  std::unique_ptr<AtomicFile> file_;
  Sink sink_;
  CsvTexts texts_;
  std::string line_;
  std::size_t columns_, filled_ = 0;
};

}  // namespace engram::io
