#pragma once
/// Checks of an error's class and of the words in its message.

#include <gtest/gtest.h>

#include <string>

/// Expects `statement` to throw `ErrorClass` with a message that contains `words`.
#define EXPECT_ERROR(statement, ErrorClass, words)                                                                \
  do {                                                                                                            \
    try {                                                                                                         \
      statement;                                                                                                  \
      ADD_FAILURE() << "expected " #ErrorClass " from " #statement;                                               \
    } catch (const ErrorClass& error) {                                                                           \
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << "the message was: " << error.what(); \
    }                                                                                                             \
  } while (false)
