#include "core/entry.h"

#include <gtest/gtest.h>

#include <string>

namespace pathcast {
namespace {

const Wrap kWrap{"{\"json\":", "}"};

TEST(Entry, IsEncodedOncePerVariantAndShared) {
  const EntryText text{"{\"id\":\"a\",\"seq\":", ",\"tx\":1}", {}, {}};
  EntryRef entry = EntryBuilder::Action("9f3a", 41, text, {"a", {}});
  EXPECT_TRUE(entry->is_action());
  EXPECT_EQ(entry->Frame(true, false, Framing::kRaw, kWrap),
            "id: 9f3a.41\ndata: {\"id\":\"a\",\"seq\":41,\"tx\":1}\n\n");
  EXPECT_EQ(entry->Frame(false, false, Framing::kRaw, kWrap),
            "data: {\"id\":\"a\",\"seq\":41,\"tx\":1}\n\n");
  EXPECT_EQ(
      entry->Frame(true, true, Framing::kRaw, kWrap),
      "id: 9f3a.41\ndata: {\"json\":{\"id\":\"a\",\"seq\":41,\"tx\":1}}\n\n");
  EXPECT_EQ(entry->Frame(false, true, Framing::kRaw, kWrap),
            "data: {\"json\":{\"id\":\"a\",\"seq\":41,\"tx\":1}}\n\n");
  EXPECT_EQ(entry->Json(), "{\"id\":\"a\",\"seq\":41,\"tx\":1}");
  const EntryRef other = entry;
  EXPECT_EQ(other->Frame(true, true, Framing::kRaw, kWrap).data(),
            entry->Frame(true, true, Framing::kRaw, kWrap).data());
}

TEST(Entry, HasEachFramingOfTheSameMessage) {
  const EntryText text{"{\"seq\":", ",\"d\":\"\xc3\xbc\"}", {}, {}};
  EntryRef entry = EntryBuilder::Action("9f3a", 41, text, {"a", {}});
  for (const bool with_id : {false, true}) {
    for (const bool transformed : {false, true}) {
      const std::string raw(
          entry->Frame(with_id, transformed, Framing::kRaw, kWrap));
      std::string chunk = raw;
      WrapInChunk(&chunk, 0, Framing::kChunked);
      EXPECT_EQ(entry->Frame(with_id, transformed, Framing::kChunked, kWrap),
                chunk);
      const Dialect dialect{.trpc = true,
                            .ids = with_id,
                            .transformed = transformed,
                            .framing = Framing::kRecords};
      std::string record;
      AppendMessage(&record, dialect, kWrap, "9f3a.41", entry->Json());
      EXPECT_EQ(entry->Frame(with_id, transformed, Framing::kRecords, kWrap),
                record);
    }
  }
  // Raw is a view into the chunk.
  const std::string_view chunk =
      entry->Frame(true, false, Framing::kChunked, kWrap);
  const std::string_view raw = entry->Frame(true, false, Framing::kRaw, kWrap);
  EXPECT_EQ(raw.data(), chunk.data() + chunk.find("id: "));
}

TEST(Entry, TheAppsOwnTransformedTextGoesBeforeTheWrap) {
  const EntryText text{"{\"seq\":", "}",
                       "{\"json\":{\"seq\":", "},\"meta\":{\"values\":1}}"};
  EntryRef entry = EntryBuilder::Action("e", 7, text, {"a", {}});
  EXPECT_EQ(
      entry->Frame(true, true, Framing::kRaw, kWrap),
      "id: e.7\ndata: {\"json\":{\"seq\":7},\"meta\":{\"values\":1}}\n\n");
  EXPECT_EQ(entry->Json(), "{\"seq\":7}");
}

TEST(Entry, AnEphemeralEventRepeatsTheCursor) {
  const EntryText text{"{\"type\":\"ephemeral\"}", {}, {}, {}};
  EntryRef entry = EntryBuilder::Ephemeral("e", 12, text);
  EXPECT_FALSE(entry->is_action());
  EXPECT_EQ(entry->Frame(true, false, Framing::kRaw, kWrap),
            "id: e.12\ndata: {\"type\":\"ephemeral\"}\n\n");
  EXPECT_EQ(entry->Frame(false, true, Framing::kRaw, kWrap),
            "data: {\"json\":{\"type\":\"ephemeral\"}}\n\n");
}

TEST(Entry, NoLineEndCanForgeAnEvent) {
  const EntryText text{"{\"a\":\n\n1,\"seq\":", "\r}", {}, {}};
  EntryRef entry = EntryBuilder::Action("e", 1, text, {"a", {}});
  EXPECT_EQ(entry->Frame(true, false, Framing::kRaw, kWrap),
            "id: e.1\ndata: {\"a\":  1,\"seq\":1 }\n\n");
  EXPECT_EQ(entry->Frame(false, true, Framing::kRaw, {"{\"json\":\n", "\n}"}),
            "data: {\"json\": {\"a\":  1,\"seq\":1 } }\n\n");
}

TEST(Entry, ItsFieldsOutliveWhatTheyWereReadFrom) {
  EntryRef entry;
  {
    std::string id(100, 'i');
    std::string module(100, 'm');
    std::string source(100, 's');
    entry = EntryBuilder::Action("e", 1, {"{", "}", {}, {}},
                                 {id, {module, "e", "", "u", source}});
    id.assign(100, 'x');
    module.assign(100, 'x');
    source.assign(100, 'x');
  }
  EXPECT_EQ(entry->id, std::string(100, 'i'));
  EXPECT_EQ(entry->view.module, std::string(100, 'm'));
  EXPECT_EQ(entry->view.entity_id, "e");
  EXPECT_EQ(entry->view.client_id, "");
  EXPECT_EQ(entry->view.user_id, "u");
  EXPECT_EQ(entry->view.source_id, std::string(100, 's'));
}

TEST(EntryRef, AssignsToItselfAndMoves) {
  EntryRef a = EntryBuilder::Ephemeral("e", 1, {"{}", {}, {}, {}});
  EntryRef& same = a;
  a = same;
  ASSERT_TRUE(a);
  EntryRef b = std::move(a);
  EXPECT_FALSE(a);
  a = b;
  b = EntryRef();
  EXPECT_EQ(a->Json(), "{}");
}

}  // namespace
}  // namespace pathcast
