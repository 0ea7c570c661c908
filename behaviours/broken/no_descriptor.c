// A shared object that is no behaviour.
int peeper_nothing(void);

int peeper_nothing(void) {
    return 0;
}
