/// Gzip: round trips, several members, and refusal of damage and of more content than allowed.

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "engine/io/atomic_file.h"
#include "engine/io/gzip.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace engram::io {
namespace {

Bytes random_bytes(std::size_t count) {
  std::mt19937 rng(3);
  Bytes bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng());
  return bytes;
}

TEST(Gzip, UnpacksWhatItPacks) {
  for (const std::size_t size : {0, 1, 65535, 65536, 65537, 1000000}) {
    for (const Bytes& content : {random_bytes(size), Bytes(size, 7)}) {
      EXPECT_EQ(gunzip(gzip(content), size), content) << size;
    }
  }
  EXPECT_EQ(gzip(Bytes(100, 7)), gzip(Bytes(100, 7)));
}

TEST(Gzip, ReadsSeveralMembers) {
  Bytes file = gzip(as_bytes("one "));
  const Bytes second = gzip(as_bytes("two"));
  file.insert(file.end(), second.begin(), second.end());
  EXPECT_EQ(as_text(gunzip(file, 100)), "one two");
}

TEST(Gzip, ReadsAStoredExample) {
  // printf hello | gzip -n
  const Bytes file = {0x1f, 0x8b, 0x08, 0, 0,    0,    0,    0,    0,    0x03, 0xcb, 0x48, 0xcd,
                      0xc9, 0xc9, 0x07, 0, 0x86, 0xa6, 0x10, 0x36, 0x05, 0,    0,    0};
  EXPECT_EQ(as_text(gunzip(file, 5)), "hello");
}

TEST(Gzip, RefusesTruncationAtEveryByte) {
  const Bytes file = gzip(random_bytes(300));
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_THROW(gunzip(ByteView(file).first(size), 1000), DataError) << size;
  }
  EXPECT_ERROR(gunzip(ByteView(file).first(100), 1000), DataError, "truncated");
}

TEST(Gzip, RefusesDamage) {
  const Bytes file = gzip(random_bytes(300));
  for (std::size_t back = 1; back <= 8; ++back) {  // checksum and length
    Bytes damaged = file;
    damaged[file.size() - back] ^= 1;
    EXPECT_THROW(gunzip(damaged, 1000), DataError) << back;
  }
  EXPECT_ERROR(gunzip(as_bytes("PK something"), 1000, "f.gz"), DataError, "[f.gz] expected a gzip file");
  Bytes longer = file;
  longer.push_back(1);
  EXPECT_ERROR(gunzip(longer, 1000), DataError, "got 1 other bytes");
}

TEST(Gzip, PassesOverZerosBehindTheEnd) {
  const Bytes content(100, 7);
  Bytes padded = gzip(content);
  padded.resize(padded.size() + 512, 0);
  EXPECT_EQ(gunzip(padded, 1000), content);
}

TEST(Gzip, RefusesMoreThanAllowed) {
  const Bytes bomb = gzip(Bytes(50000000));
  EXPECT_LT(bomb.size(), 60000u);
  EXPECT_ERROR(gunzip(bomb, 1000000), DataError, "at most 1000000 bytes of content");
  EXPECT_THROW(gunzip(gzip(Bytes(11)), 10), DataError);
  EXPECT_EQ(gunzip(gzip(Bytes(10)), 10).size(), 10u);
}

TEST(Gzip, ReadsFiles) {
  test::TempFolder folder;
  write_file(folder / "a.gz", gzip(as_bytes("content")));
  EXPECT_EQ(as_text(read_gzip(folder / "a.gz", 100)), "content");
  EXPECT_ERROR(read_gzip(folder / "b.gz", 100), IoError, "b.gz");
}

}  // namespace
}  // namespace engram::io
