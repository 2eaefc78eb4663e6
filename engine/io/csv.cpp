#include "engine/io/csv.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "kernels/common/error.h"

namespace engram::io {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 22;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Bytes that end or spoil an unquoted cell.
constexpr std::array<bool, 256> special_bytes() {
  std::array<bool, 256> out{};
  for (const unsigned char c : {',', '\n', '\r', '"', '\0'}) out[c] = true;
  return out;
}
constexpr std::array<bool, 256> kSpecial = special_bytes();

bool is_special(char c) {
  return kSpecial[static_cast<unsigned char>(c)];
}

std::string_view trim_blanks(std::string_view cell) {
  const std::size_t first = cell.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return cell.substr(first, cell.find_last_not_of(" \t") - first + 1);
}

bool is_blank_line(std::string_view line) {
  return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// The text without characters that move or colour what a terminal shows: below 32 but for tabs and line feeds, 127,
/// and C1 in UTF-8.
std::string without_controls(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool c1 = c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    const bool c0 = c < 32 && c != '\t' && c != '\n';
    out += c0 || c == 127 || c1 ? '?' : text[i];
    i += c1;
  }
  return out;
}

}  // namespace

/// A file read in pieces; the bytes of an unfinished record move to the front.
class CsvReader::FileInput {
 public:
  explicit FileInput(const std::filesystem::path& path) : path_(path.string()) {
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0)
      throw IoError(message("[csv] cannot open ", path_, ": ", std::generic_category().message(errno)));
  }
  ~FileInput() { ::close(descriptor_); }
  FileInput(const FileInput&) = delete;
  FileInput& operator=(const FileInput&) = delete;

  /// Reads more behind `rest`, which lies in the buffer; both move. Returns whether the file has ended.
  bool extend(std::string_view& rest) {
    const std::size_t kept = rest.size();
    if (kept > 0) std::memmove(buffer_.data(), rest.data(), kept);
    if (buffer_.size() < kept + kReadBytes) buffer_.resize(std::max(kept + kReadBytes, 2 * kept));
    const std::size_t got = read(kept);
    rest = std::string_view(buffer_.data(), kept + got);
    return got == 0;
  }

 private:
  std::size_t read(std::size_t at) {
    for (;;) {
      const ::ssize_t got = ::read(descriptor_, buffer_.data() + at, buffer_.size() - at);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR)
        throw IoError(message("[csv] cannot read ", path_, ": ", std::generic_category().message(errno)));
    }
  }

  std::string path_;
  int descriptor_;
  std::vector<char> buffer_;
};

CsvReader::CsvReader(std::string source) : source_(std::move(source)) {}

CsvReader::CsvReader(ByteView bytes, std::string source) : CsvReader(std::move(source)) {
  rest_ = as_text(bytes);
  read_header();
}

CsvReader CsvReader::open(const std::filesystem::path& path) {
  CsvReader reader(path.string());
  reader.file_ = std::make_unique<FileInput>(path);
  reader.complete_ = false;
  reader.read_header();
  return reader;
}

CsvReader::CsvReader(CsvReader&&) noexcept = default;
CsvReader& CsvReader::operator=(CsvReader&&) noexcept = default;
CsvReader::~CsvReader() = default;

std::ptrdiff_t CsvReader::find_column(std::string_view name) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  return found == header_.end() ? -1 : found - header_.begin();
}

void CsvReader::read_header() {
  while (rest_.size() < kByteOrderMark.size() && refill()) {
  }
  refuse_other_files();
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
  if (!read_record()) throw DataError(message("[csv] ", source_, ": expected a header line, got an empty file"));
  if (blank_) fail_syntax("expected a header line, got a blank one");
  header_.assign(cells_.begin(), cells_.end());
  refuse_other_separators();
  std::unordered_set<std::string_view> seen;
  for (const std::string& name : header_) {
    if (!seen.insert(name).second) {
      throw DataError(
          message("[csv] ", source_, ": expected different column names, got ", quoted_name(name), " twice"));
    }
  }
  cells_.clear();
}

void CsvReader::refuse_other_files() {
  using namespace std::string_view_literals;
  if (rest_.starts_with("\xFF\xFE"sv) || rest_.starts_with("\xFE\xFF"sv))
    throw DataError(message("[csv] ", source_, ": expected UTF-8 text, got UTF-16; hint: save it as CSV UTF-8"));
  if (rest_.starts_with("PK\x03\x04"sv))
    throw DataError(message("[csv] ", source_,
                            ": expected comma-separated text, got a ZIP file, as workbooks of spreadsheets are; hint: "
                            "save the sheet as CSV"));
  if (rest_.starts_with("\x1F\x8B"sv))
    throw DataError(message("[csv] ", source_, ": expected text, got a gzip file; hint: unpack it with gunzip"));
}

void CsvReader::refuse_other_separators() {
  if (header_.size() != 1) return;
  for (const auto& [separator, name] : {std::pair(';', "semicolons"), std::pair('\t', "tabs")}) {
    if (header_[0].find(separator) == std::string::npos) continue;
    throw DataError(message("[csv] ", source_, ": expected cells between commas, got a header with ", name, ": ",
                            quoted_name(header_[0])));
  }
}

bool CsvReader::next() {
  ++row_;
  if (!read_filled_record()) {
    cells_.clear();
    return false;
  }
  if (cells_.size() != header_.size()) {
    fail_syntax(message("expected ", header_.size(), " cells as in the header, got ", cells_.size()));
  }
  return true;
}

bool CsvReader::at_last_line_ends() {
  while (rest_.find_first_not_of("\r\n") == std::string_view::npos) {
    if (!refill()) return true;
  }
  return false;
}

bool CsvReader::refill() {
  if (complete_) return false;
  if (rest_.size() > kMaxRecordBytes) {
    fail_syntax(message("expected a record of at most ", kMaxRecordBytes, " bytes, got more"));
  }
  complete_ = file_->extend(rest_);
  return true;
}

bool CsvReader::read_record() {
  line_ = next_line_;
  while (!scan_record()) {
    if (!refill()) return false;
  }
  return true;
}

bool CsvReader::read_filled_record() {
  while (read_record()) {
    if (!blank_) return true;
    if (header_.size() == 1) return !cells_[0].empty() || !at_last_line_ends();
  }
  return false;
}

bool CsvReader::scan_record() {
  cells_.clear();
  unescaped_used_ = 0;
  const char *at = rest_.data(), *const end = at + rest_.size();
  if (at == end) return false;
  std::uint64_t line_feeds = 0;
  for (;;) {
    at = at != end && *at == '"' ? scan_quoted_cell(at, end, line_feeds) : scan_plain_cell(at, end);
    if (at == nullptr || (at == end && !complete_)) return false;
    if (at == end || *at != ',') break;
    ++at;
  }
  if (at != end && *at == '\r') {
    if (at + 1 == end && !complete_) return false;
    if (at + 1 == end || at[1] != '\n') fail_syntax("expected a line feed after a carriage return");
    ++at;
  }
  if (at != end) {
    ++at;
    ++line_feeds;
  }
  blank_ = cells_.size() == 1 && is_blank_line(rest_.substr(0, std::size_t(at - rest_.data())));
  next_line_ = line_ + line_feeds;
  rest_.remove_prefix(static_cast<std::size_t>(at - rest_.data()));
  return true;
}

const char* CsvReader::scan_plain_cell(const char* at, const char* end) {
  const char* const begin = at;
  while (at != end && !is_special(*at)) ++at;
  cells_.emplace_back(begin, static_cast<std::size_t>(at - begin));
  if (at != end && *at == '"') {
    fail_syntax(message("cell ", cells_.size(), ": expected quotes around the whole cell, got one inside"));
  }
  if (at != end && *at == '\0') fail_syntax(message("cell ", cells_.size(), ": expected text, got a zero byte"));
  return at;
}

const char* CsvReader::scan_quoted_cell(const char* at, const char* end, std::uint64_t& line_feeds) {
  const char* const begin = ++at;
  bool doubled = false;
  for (; at != end; ++at) {
    if (*at == '\n') ++line_feeds;
    if (*at == '\0') fail_syntax(message("cell ", cells_.size() + 1, ": expected text, got a zero byte"));
    if (*at != '"') continue;
    if (at + 1 == end || at[1] != '"') break;
    doubled = true;
    ++at;
  }
  if (at == end || at + 1 == end) {
    // The next byte decides whether the quote closes the cell.
    if (!complete_) return nullptr;
    if (at == end)
      fail_syntax(message("cell ", cells_.size() + 1, ": expected a closing quote, got the end of the file"));
  }
  const std::string_view content(begin, static_cast<std::size_t>(at - begin));
  cells_.push_back(doubled ? unescape(content) : content);
  ++at;
  if (at != end && *at != ',' && *at != '\n' && *at != '\r') {
    fail_syntax(message("cell ", cells_.size(), ": expected a comma or the end of the line after a closing quote"));
  }
  return at;
}

std::string_view CsvReader::unescape(std::string_view content) {
  if (unescaped_used_ == unescaped_.size()) unescaped_.push_back(std::make_unique<std::string>());
  std::string& text = *unescaped_[unescaped_used_++];
  text.clear();
  for (std::size_t i = 0; i < content.size(); ++i) {
    text += content[i];
    if (content[i] == '"') ++i;  // the second of a pair
  }
  return text;
}

double CsvReader::number(std::size_t column) const {
  double value = 0;
  if (!parse_number(cells_[column], value)) fail(column, "a number");
  return value;
}

bool CsvReader::flag(std::size_t column) const {
  const std::string_view cell = cells_[column];
  if (cell == "0" || cell == "1") return cell == "1";
  double value = 0;
  if (!parse_number(cell, value) || (value != 0 && value != 1)) fail(column, "0 or 1");
  return value == 1;
}

void CsvReader::fail(std::size_t column, std::string_view expected) const {
  const std::string_view cell = cells_[column];
  throw DataError(
      message("[csv] ", source_, ": row ", row_, " (line ", line_, "), column ",
              header_[column].empty() ? "number " + std::to_string(column + 1) : quoted_name(header_[column]),
              ": expected ", expected, ", got ", is_missing(cell) ? "a missing value " : "", quoted_name(cell)));
}

void CsvReader::fail_syntax(std::string_view what) const {
  throw DataError(message("[csv] ", source_, ": line ", line_, ": ", what));
}

bool is_missing(std::string_view cell) {
  cell = trim_blanks(cell);
  constexpr std::string_view kWords[] = {"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"};
  return std::find(std::begin(kWords), std::end(kWords), cell) != std::end(kWords);
}

bool parse_number(std::string_view cell, double& value) {
  cell = trim_blanks(cell);
  if (cell.size() > 1 && cell[0] == '+' && cell[1] != '-') cell.remove_prefix(1);
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  return error == std::errc() && end == cell.data() + cell.size() && std::isfinite(value);
}

CsvTable parse_csv(ByteView bytes, const std::string& source) {
  CsvReader reader(bytes, source);
  CsvTable table;
  table.header = reader.header();
  while (reader.next()) table.rows.emplace_back(reader.cells().begin(), reader.cells().end());
  return table;
}

void append_csv_cell(std::string& line, std::size_t filled, std::string_view text) {
  if (filled > 0) line += ',';
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    line += text;
    return;
  }
  line += '"';
  for (const char c : text) {
    if (c == '"') line += '"';
    line += c;
  }
  line += '"';
}

CsvWriter::CsvWriter(const std::filesystem::path& path, std::span<const std::string> header, CsvTexts texts)
    : CsvWriter(Sink(), header, std::make_unique<AtomicFile>(path), texts) {}

CsvWriter::CsvWriter(Sink sink, std::span<const std::string> header)
    : CsvWriter(std::move(sink), header, nullptr, CsvTexts::kForSpreadsheets) {}

CsvWriter::CsvWriter(Sink sink, std::span<const std::string> header, std::unique_ptr<AtomicFile> file, CsvTexts texts)
    : file_(std::move(file)), sink_(std::move(sink)), texts_(texts), columns_(header.size()) {
  for (const std::string& name : header) cell(name);
  end_row();
}

CsvWriter& CsvWriter::cell(std::string_view text) {
  if (texts_ == CsvTexts::kForSpreadsheets) {
    const bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos;
    append_csv_cell(line_, filled_++, (formula ? "'" : "") + without_controls(text));
  } else {
    append_csv_cell(line_, filled_++, text);
  }
  return *this;
}

CsvWriter& CsvWriter::cell(double value) {
  char digits[32];
  const auto result = std::to_chars(digits, digits + sizeof(digits), value);
  append_csv_cell(line_, filled_++, std::string_view(digits, static_cast<std::size_t>(result.ptr - digits)));
  return *this;
}

CsvWriter& CsvWriter::cell(std::int64_t value) {
  char digits[32];
  const auto result = std::to_chars(digits, digits + sizeof(digits), value);
  append_csv_cell(line_, filled_++, std::string_view(digits, static_cast<std::size_t>(result.ptr - digits)));
  return *this;
}

void CsvWriter::end_row() {
  if (filled_ != columns_) throw UsageError(message("[csv] expected a row of ", columns_, " cells, got ", filled_));
  // A lone empty cell would be a blank line, which some readers skip.
  line_ += columns_ == 1 && line_.empty() ? "\"\"\n" : "\n";
  if (file_)
    file_->write(line_);
  else
    sink_(line_);
  line_.clear();
  filled_ = 0;
}

void CsvWriter::commit() {
  if (filled_ != 0) throw UsageError("[csv] expected a complete row before commit");
  if (file_) file_->commit();
}

}  // namespace engram::io
