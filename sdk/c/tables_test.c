#include <peeper/tables.h>

#include "connection.h"
#include "sync.h"
#include "test_peer.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(tables, .timeout = 10);

#define LIMIT (1u << 20)

static bool is(ProtobufCBinaryData data, const char *text) {
    return data.len == strlen(text) && (data.len == 0 || memcmp(data.data, text, data.len) == 0);
}

static bool value_is(struct peeper_value value, const char *text) {
    return value.bytes == strlen(text) && memcmp(value.data, text, value.bytes) == 0;
}

static ProtobufCBinaryData binary(const char *text) {
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
}

static void tell_tables(struct peer *peer, uint64_t id) {
    Peeper__V1__TableInfo    table = PEEPER__V1__TABLE_INFO__INIT;
    Peeper__V1__TableInfo   *tables[] = {&table};
    Peeper__V1__TableListing listing = PEEPER__V1__TABLE_LISTING__INIT;
    Peeper__V1__ServerFrame  frame = PEEPER__V1__SERVER_FRAME__INIT;
    table.name = (char *)"orders";
    table.ordered = table.private_ = table.heir = true;
    table.rows = 7;
    table.bytes = 1ull << 40;
    listing.tables = tables;
    listing.n_tables = 1;
    frame.id = id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_TABLE_LISTING;
    frame.table_listing = &listing;
    peer_write(peer, &frame);
}

static void tell_rows(struct peer *peer, uint64_t id) {
    Peeper__V1__Row         row = PEEPER__V1__ROW__INIT;
    Peeper__V1__Row        *rows[] = {&row};
    Peeper__V1__Rows        page = PEEPER__V1__ROWS__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    row.key = binary("k");
    row.value = binary("v");
    page.rows = rows;
    page.n_rows = 1;
    page.next = binary("k");
    frame.id = id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_ROWS;
    frame.rows = &page;
    peer_write(peer, &frame);
}

static void play(struct peer *peer) {
    peer_welcome(peer, LIMIT);
    const Peeper__V1__ClientFrame *request = peer_read(peer);
    const Peeper__V1__Keep        *keep = request->start->keep_tables;
    peer->seen += keep != NULL && keep->n_names == 2 && strcmp(keep->names[1], "b") == 0;
    peer_done(peer, request->id);
    request = peer_read(peer);
    peer->seen += strcmp(request->list_tables->name, "shop") == 0;
    tell_tables(peer, request->id);
    request = peer_read(peer);
    const Peeper__V1__ReadTable *read = request->read_table;
    peer->seen += strcmp(read->name, "shop") == 0 && strcmp(read->table, "orders") == 0 &&
                  strcmp(read->prefix, "p") == 0 && is(read->from, "f") && read->limit == 5;
    tell_rows(peer, request->id);
    peer_read_to_end(peer);
}

Test(tables, are_kept_listed_and_read) {
    static const char *const names[] = {"a", "b"};
    struct peer              peer;
    struct peeper_sync      *sync;
    struct peeper_tables     tables;
    struct peeper_rows       rows;
    struct peeper_started    started;
    struct peeper_target     shop = peeper_by_name("shop");
    struct peeper_rows_page  page = {
         .table = "orders", .prefix = "p", .from = {(const uint8_t *)"f", 1}, .limit = 5};
    struct peeper_start_options start = {
        .behaviour = "b", .keep_listed = true, .keep_tables = names, .keep_tables_count = 2};

    peer_start(&peer, 1, play);
    cr_assert(peeper_sync_create(NULL, &sync) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_connect(sync, peer.address) == PEEPER_STATUS_OK);
    // The peer's answer fits no start, which is not what is looked at.
    cr_assert(peeper_sync_start(sync, &start, &started) == PEEPER_STATUS_PROTOCOL);
    cr_assert(peeper_sync_tables(sync, shop, &tables) == PEEPER_STATUS_OK);
    cr_assert(tables.count == 1 && tables.tables[0].rows == 7);
    cr_assert_str_eq(tables.tables[0].name, "orders");
    cr_assert(tables.tables[0].ordered && tables.tables[0].is_private && tables.tables[0].heir);
    cr_assert(tables.tables[0].bytes == 1ull << 40);
    cr_assert(peeper_sync_rows(sync, shop, &page, &rows) == PEEPER_STATUS_OK);
    cr_assert(rows.count == 1 && value_is(rows.rows[0].key, "k"));
    cr_assert(value_is(rows.rows[0].value, "v") && value_is(rows.next, "k"));
    peeper_sync_destroy(sync);
    peer_stop(&peer);
    cr_assert(peer.seen == 3);
}

Test(tables, a_request_needs_a_target_and_somebody_who_hears_the_answer) {
    struct peeper_target    nobody = {0};
    struct peeper_rows_page page = {0};
    struct peeper_then      then = {0};
    struct peeper_client   *none = NULL;
    cr_assert(peeper_client_tables(none, nobody, then) == PEEPER_STATUS_INVALID);
    cr_assert(peeper_client_rows(none, peeper_by_name("a"), &page, then) == PEEPER_STATUS_INVALID);
}
