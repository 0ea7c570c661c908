// Prints what reading and writing small Values costs: median and p99 over batches, in ns per
// operation, on the machine that runs it.
#include "base/check.h"
#include "base/clock.h"

#include <peeper/value.h>

#include <stdio.h>
#include <stdlib.h>

#define BATCHES 2001
#define BATCH 1000
#define CART_ITEMS 20

static const uint8_t INC[] = {0x2a, 3, 'i', 'n', 'c'};

static struct peeper_writer writer;
static struct peeper_writer cart;
static volatile bool        sink; // keeps results alive

static void check_and_compare(void) {
    struct peeper_value value = {.data = INC, .bytes = sizeof INC};
    sink = peeper_value_check(value) && peeper_value_is(value, "inc");
}

static void write_int(void) {
    peeper_writer_reset(&writer);
    peeper_write_int(&writer, 42);
}

// A state of some size: a map with a list of small maps, about 700 bytes.
static void write_cart(void) {
    peeper_writer_reset(&writer);
    peeper_write_map(&writer);
    peeper_write_key(&writer, "items");
    peeper_write_list(&writer);
    for (int i = 0; i < CART_ITEMS; i++) {
        peeper_write_map(&writer);
        peeper_write_key(&writer, "article");
        peeper_write_string(&writer, "a-4711");
        peeper_write_key(&writer, "count");
        peeper_write_int(&writer, i);
        peeper_write_end(&writer);
    }
    peeper_write_end(&writer);
    peeper_write_end(&writer);
}

static void check_cart(void) {
    sink = peeper_value_check(peeper_writer_value(&cart));
}

static void walk_cart(void) {
    struct peeper_value items, count;
    int64_t             sum = 0;
    CHECK(peeper_value_get(peeper_writer_value(&cart), "items", &items));
    struct peeper_iter iter = peeper_value_iter(items);
    while (peeper_iter_next(&iter)) {
        int64_t number = 0;
        CHECK(peeper_value_get(iter.value, "count", &count));
        CHECK(peeper_value_int(count, &number));
        sum += number;
    }
    CHECK(sum == CART_ITEMS * (CART_ITEMS - 1) / 2);
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void measure(const char *what, void (*run)(void)) {
    static double samples[BATCHES];
    for (size_t i = 0; i < BATCHES; i++) {
        uint64_t begun_ns = clock_mono_ns();
        for (size_t n = 0; n < BATCH; n++) run();
        samples[i] = (double)(clock_mono_ns() - begun_ns) / BATCH;
    }
    qsort(samples, BATCHES, sizeof samples[0], by_value);
    printf("%-34s median %7.1f ns   p99 %7.1f ns\n", what, samples[BATCHES / 2],
           samples[BATCHES * 99 / 100]);
}

int main(void) {
    write_cart();
    cart = writer;
    writer = (struct peeper_writer){0};
    measure("check and compare a short string", check_and_compare);
    measure("write an int", write_int);
    measure("write a cart of 20", write_cart);
    measure("check a cart of 20", check_cart);
    measure("walk a cart of 20", walk_cart);
    peeper_writer_fini(&writer);
    peeper_writer_fini(&cart);
    return 0;
}
