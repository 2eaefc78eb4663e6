/// CSV: what is read, every refusal with its place, files larger than the reader's buffer, and writing.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/io/csv.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace engram::io {
namespace {

using Row = std::vector<std::string>;

CsvTable parse(std::string_view text) {
  return parse_csv(as_bytes(text), "f.csv");
}

std::string text_of(const Bytes& bytes) {
  return std::string(as_text(bytes));
}

TEST(Csv, ReadsCellsLineEndsAndQuotes) {
  const CsvTable table = parse("\xEF\xBB\xBF,\"a \"\"b\"\"\",\"c,\nd\"\r\n0,,x y\r\n\"1\",\"\",\"q\"\"\"\n2,3,4");
  EXPECT_EQ(table.header, (Row{"", "a \"b\"", "c,\nd"}));
  EXPECT_EQ(table.rows, (std::vector<Row>{{"0", "", "x y"}, {"1", "", "q\""}, {"2", "3", "4"}}));
  EXPECT_TRUE(parse("only").rows.empty());
  EXPECT_EQ(parse("only\n\nx\n").rows, (std::vector<Row>{{""}, {"x"}}));
}

TEST(Csv, BlankLinesAtTheEndAreNoRecords) {
  const std::vector<Row> rows = {{"1", "2"}, {"3", "4"}};
  for (const char* end : {"\n", "\n\n", "\r\n\r\n", "\n\n\n\n", "\r\n\n\r\n"}) {
    EXPECT_EQ(parse(std::string("a,b\n1,2\n3,4") + end).rows, rows) << ::testing::PrintToString(end);
    EXPECT_TRUE(parse(std::string("a,b") + end).rows.empty());
  }
  EXPECT_EQ(parse("only\n\nx\n\n").rows, (std::vector<Row>{{""}, {"x"}}));
  CsvReader reader(as_bytes("a,b\n1,2\n\n\n"), "f.csv");
  ASSERT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_ERROR(parse("\na,b\n"), DataError, "line 1: expected a header line, got a blank one");
}

TEST(Csv, BlankLinesBetweenRecordsAreNoRecords) {
  const std::vector<Row> rows = {{"1", "2"}, {"3", "4"}};
  for (const char* between : {"\n\n", "\r\n\r\n\r\n", "\n  \t\n", "\n\r\n \n"}) {
    EXPECT_EQ(parse(std::string("a,b\n\n1,2") + between + "3,4\n  ").rows, rows) << ::testing::PrintToString(between);
  }
  EXPECT_EQ(parse("only\n\n \n\"\"\n\n").rows, (std::vector<Row>{{""}, {" "}, {""}}));
  EXPECT_ERROR(parse("a,b\n1,2\n\n\"\"\n"), DataError, "line 4: expected 2 cells as in the header, got 1");
  CsvReader reader(as_bytes("a,b\n\n1,2\n\n\n3,x\n"), "f.csv");
  ASSERT_TRUE(reader.next());
  ASSERT_TRUE(reader.next());
  EXPECT_ERROR(reader.number(1), DataError, "row 1 (line 6), column \"b\": expected a number, got \"x\"");
}

TEST(Csv, OtherFilesAreNamed) {
  using namespace std::string_view_literals;
  EXPECT_ERROR(parse("\xFF\xFE"
                     "a\0,\0b\0"sv),
               DataError, "[csv] f.csv: expected UTF-8 text, got UTF-16");
  EXPECT_ERROR(parse("\xFE\xFF\0a"sv), DataError, "got UTF-16; hint: save it as CSV UTF-8");
  EXPECT_ERROR(parse("PK\x03\x04\0\0"sv), DataError, "got a ZIP file, as workbooks of spreadsheets are");
  EXPECT_ERROR(parse("\x1F\x8B\x08"sv), DataError, "got a gzip file");
  EXPECT_ERROR(parse("id;time\n1;2\n"), DataError, "between commas, got a header with semicolons: \"id;time\"");
  EXPECT_ERROR(parse("id\ttime\n1\t2\n"), DataError, "between commas, got a header with tabs");
  EXPECT_EQ(parse("a;b,c\n1,2\n").header, (Row{"a;b", "c"}));
}

TEST(Csv, TablesForPeopleHoldNoControlCharacters) {
  const test::TempFolder folder;
  for (const auto& [texts, expected] : {std::pair{CsvTexts::kForSpreadsheets, "G?[31mA?\tx?y\xC3\xA9?"},
                                        {CsvTexts::kAsTheyAre, "G\x1b[31mA\r\tx\x7Fy\xC3\xA9\xC2\x9B"}}) {
    CsvWriter writer(folder / "t.csv", Row{"name"}, texts);
    writer.cell("G\x1b[31mA\r\tx\x7Fy\xC3\xA9\xC2\x9B").end_row();
    writer.commit();
    EXPECT_EQ(parse_csv(read_file(folder / "t.csv"), "t.csv").rows[0][0], expected);
  }
}

TEST(Csv, KeepsCountOfRowsAndLines) {
  CsvReader reader(as_bytes("a,b\n1,\"2\n\n\"\n3,4\n"), "f.csv");
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.row(), 0u);
  EXPECT_EQ(reader.line(), 2u);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.row(), 1u);
  EXPECT_EQ(reader.line(), 5u);
  EXPECT_EQ(reader.find_column("b"), 1);
  EXPECT_EQ(reader.find_column("c"), -1);
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.next());
}

TEST(Csv, MalformedTablesNameTheLine) {
  EXPECT_ERROR(parse(""), DataError, "[csv] f.csv: expected a header line, got an empty file");
  EXPECT_ERROR(parse("\xEF\xBB\xBF"), DataError, "got an empty file");
  EXPECT_ERROR(parse("a,b\n1,2\n3\n"), DataError, "f.csv: line 3: expected 2 cells as in the header, got 1");
  EXPECT_ERROR(parse("a,b\n1,2,3\n"), DataError, "line 2: expected 2 cells as in the header, got 3");
  EXPECT_ERROR(parse("a,b,a\n"), DataError, "expected different column names, got \"a\" twice");
  EXPECT_ERROR(parse("a,b\n1,2\"3\n"), DataError, "line 2: cell 2: expected quotes around the whole cell");
  EXPECT_ERROR(parse("a,b\n\"1\"2,3\n"), DataError, "cell 1: expected a comma or the end of the line");
  EXPECT_ERROR(parse("a,b\n1,\"2\n"), DataError, "line 2: cell 2: expected a closing quote");
  EXPECT_ERROR(parse("a,b\r1,2\r"), DataError, "line 1: expected a line feed after a carriage return");
  EXPECT_ERROR(parse("a,b\n1,2\r"), DataError, "line 2: expected a line feed after a carriage return");
  EXPECT_ERROR(parse(std::string_view("a,b\n1,\0\n", 8)), DataError, "line 2: cell 2: expected text, got a zero byte");
  EXPECT_ERROR(parse(std::string_view("a,b\n1,\"\0\"\n", 10)), DataError, "expected text, got a zero byte");
}

TEST(Csv, NumbersAreWholeFiniteCells) {
  double value = 0;
  for (const auto& [text, expected] :
       {std::pair{"1", 1.0}, {"-2.5e-3", -2.5e-3}, {"1e308", 1e308}, {".5", 0.5}, {" 1\t", 1.0}, {"+1.5", 1.5}}) {
    EXPECT_TRUE(parse_number(text, value)) << text;
    EXPECT_EQ(value, expected);
  }
  for (const char* text :
       {"", " ", "1 2", "+", "+-1", "++1", "+ 1", "1,5", "0x10", "inf", "-inf", "nan", "1e999", "1.2.3", "x"}) {
    EXPECT_FALSE(parse_number(text, value)) << text;
  }
}

TEST(Csv, WrongCellsNameRowLineAndColumn) {
  CsvReader reader(as_bytes(",time,event\n0,1.5,1\n1,x,NA\n"), "dir/f.csv");
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.number(1), 1.5);
  EXPECT_TRUE(reader.flag(2));
  EXPECT_ERROR(reader.flag(1), DataError, "expected 0 or 1, got \"1.5\"");
  ASSERT_TRUE(reader.next());
  EXPECT_ERROR(reader.number(1), DataError,
               "[csv] dir/f.csv: row 1 (line 3), column \"time\": expected a number, got \"x\"");
  EXPECT_ERROR(reader.flag(2), DataError, "column \"event\": expected 0 or 1, got a missing value \"NA\"");
  EXPECT_ERROR(reader.fail(0, "a letter"), DataError, "column number 1: expected a letter, got \"1\"");
}

TEST(Csv, FlagsMayBeWrittenAsDecimals) {
  CsvReader reader(as_bytes("a,b\n1.0,0.0\n"), "f");
  ASSERT_TRUE(reader.next());
  EXPECT_TRUE(reader.flag(0));
  EXPECT_FALSE(reader.flag(1));
}

TEST(Csv, LongFilesAreReadInPieces) {
  // Records with quoted line ends and doubled quotes, so that some of them lie across the ends of the pieces.
  const test::TempFolder folder;
  std::string text = "id,text\r\n";
  const std::string filler(997, 'x');
  constexpr int kRows = 9000;
  for (int i = 0; i < kRows; ++i)
    text += std::to_string(i) + ",\"" + filler + "\r\n\"\"" + std::to_string(i) + "\"\r\n";
  ASSERT_GT(text.size(), std::size_t{2} << 22);
  write_file(folder / "long.csv", text);
  CsvReader reader = CsvReader::open(folder / "long.csv");
  for (int i = 0; i < kRows; ++i) {
    ASSERT_TRUE(reader.next());
    ASSERT_EQ(reader.cells()[0], std::to_string(i));
    ASSERT_EQ(reader.cells()[1], filler + "\r\n\"" + std::to_string(i));
    ASSERT_EQ(reader.line(), 2u + 2u * static_cast<unsigned>(i));
  }
  EXPECT_FALSE(reader.next());
}

TEST(Csv, FilesThatCannotBeReadAreNamed) {
  const test::TempFolder folder;
  EXPECT_ERROR(CsvReader::open(folder / "absent.csv"), IoError, "absent.csv");
  EXPECT_ERROR(CsvReader::open(folder.path()), IoError, folder.path().string());
}

TEST(Csv, WritesWhatItReads) {
  const test::TempFolder folder;
  const Row header = {"name", "value", "count"};
  CsvWriter writer(folder / "t.csv", header);
  writer.cell("a \"b\", c").cell(0.1).cell(std::int64_t{-3}).end_row();
  writer.cell("line\nend").cell(-1e300).cell(std::int64_t{0}).end_row();
  EXPECT_ERROR(writer.end_row(), UsageError, "expected a row of 3 cells, got 0");
  EXPECT_FALSE(std::filesystem::exists(folder / "t.csv"));
  writer.commit();
  const Bytes bytes = read_file(folder / "t.csv");
  EXPECT_EQ(text_of(bytes), "name,value,count\n\"a \"\"b\"\", c\",0.1,-3\n\"line\nend\",-1e+300,0\n");
  const CsvTable table = parse_csv(bytes, "t.csv");
  EXPECT_EQ(table.rows[0], (Row{"a \"b\", c", "0.1", "-3"}));
  EXPECT_EQ(table.rows[1][0], "line\nend");
}

TEST(Csv, TextsThatSpreadsheetsWouldRunAreQuotedUnlessTheyAreReadBack) {
  const test::TempFolder folder;
  const std::vector<std::string> header = {"=name", "value"};
  const auto write = [&](CsvTexts texts) {
    CsvWriter writer(folder / "t.csv", header, texts);
    for (const char* name : {"=1+1", "+x", "-x", "@x", "\tx", "x=1", ""}) writer.cell(name).cell(-1.5).end_row();
    writer.commit();
    return parse_csv(read_file(folder / "t.csv"), "t.csv");
  };
  const CsvTable guarded = write(CsvTexts::kForSpreadsheets), plain = write(CsvTexts::kAsTheyAre);
  EXPECT_EQ(guarded.header, (Row{"'=name", "value"}));
  EXPECT_EQ(plain.header, (Row{"=name", "value"}));
  std::vector<std::string> names, plain_names;
  for (const Row& row : guarded.rows) {
    names.push_back(row[0]);
    EXPECT_EQ(row[1], "-1.5");
  }
  for (const Row& row : plain.rows) plain_names.push_back(row[0]);
  EXPECT_EQ(names, (Row{"'=1+1", "'+x", "'-x", "'@x", "'\tx", "x=1", ""}));
  EXPECT_EQ(plain_names, (Row{"=1+1", "+x", "-x", "@x", "\tx", "x=1", ""}));
}

TEST(Csv, AnUnfinishedTableLeavesNothing) {
  const test::TempFolder folder;
  {
    CsvWriter writer(folder / "t.csv", Row{"a"});
    writer.cell("").end_row();
    writer.cell("x");
    EXPECT_ERROR(writer.commit(), UsageError, "expected a complete row");
  }
  EXPECT_EQ(folder.count(), 0);
}

}  // namespace
}  // namespace engram::io
