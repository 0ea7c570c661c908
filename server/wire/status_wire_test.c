// The table of statuses and the schema say the same numbers.
#include "base/status.h"

#include <criterion/criterion.h>
#include <peeper/v1/peeper.pb-c.h>
#include <string.h>

TestSuite(status_wire, .timeout = 20);

struct row {
    const char *name;
    int         wire;
};

static const struct row ROWS[] = {
#define ROW(name, wire, http, retry, text) {"STATUS_" #name, wire},
    STATUS_TABLE(ROW)
#undef ROW
};

Test(status_wire, every_row_with_a_number_has_its_name_in_the_schema) {
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        if (ROWS[i].wire == 0) continue;
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value(&peeper__v1__status__descriptor, ROWS[i].wire);
        cr_assert_not_null(value, "%s", ROWS[i].name);
        cr_assert_str_eq(value->name, ROWS[i].name);
    }
}

Test(status_wire, every_number_of_the_schema_has_its_row) {
    const ProtobufCEnumDescriptor *schema = &peeper__v1__status__descriptor;
    for (unsigned i = 0; i < schema->n_values; i++) {
        int number = schema->values[i].value;
        if (number == PEEPER__V1__STATUS__STATUS_UNSPECIFIED) continue;
        enum status status = status_from_wire(number);
        cr_assert_eq(status_wire(status), number, "%s", schema->values[i].name);
        cr_assert_str_eq(schema->values[i].name + 7, status_name(status));
    }
}
