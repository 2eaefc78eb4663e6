/// Hashes, checksums and encodings against published values.

#include <gtest/gtest.h>

#include <string>

#include "engine/io/atomic_file.h"
#include "engine/io/base64.h"
#include "engine/io/crc32c.h"
#include "engine/io/sha256.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace engram::io {
namespace {

TEST(Sha256, PublishedValues) {
  // FIPS 180-4 examples, and the long message of the NIST test vectors.
  EXPECT_EQ(sha256_hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex(as_bytes("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(as_bytes(std::string(1000000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesDoNotMatter) {
  const std::string text(300, 'q');
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const ByteView whole = as_bytes(text).first(length);
    Sha256 pieces;
    for (std::size_t i = 0; i < length; i += 7) pieces.update(whole.subspan(i, std::min<std::size_t>(7, length - i)));
    Sha256 once;
    once.update(whole);
    ASSERT_EQ(pieces.finish(), once.finish()) << length;
  }
}

TEST(Sha256, HashesFiles) {
  test::TempFolder folder;
  const std::string text(700001, 'z');
  write_file(folder / "a", text);
  EXPECT_EQ(sha256_file_hex(folder / "a"), sha256_hex(as_bytes(text)));
  EXPECT_ERROR(sha256_file_hex(folder / "missing"), IoError, "missing");
  EXPECT_ERROR(sha256_file_hex(folder.path()), IoError, "directory");
}

TEST(Crc32c, PublishedValues) {
  // RFC 3720, appendix B.4.
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c(Bytes(32)), 0x8a9136aau);
  EXPECT_EQ(crc32c(Bytes(32, 0xff)), 0x62a8ab43u);
  EXPECT_EQ(crc32c({}), 0u);
  EXPECT_EQ(masked_crc32c({}), 0xa282ead8u);
}

TEST(Base64, PublishedValues) {
  // RFC 4648, section 10.
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [text, encoded] : cases) EXPECT_EQ(encode_base64(as_bytes(text)), encoded);
  EXPECT_EQ(encode_base64(Bytes{0xfb, 0xff, 0xbf}), "+/+/");
}

}  // namespace
}  // namespace engram::io
