/* Where threads of one team wait for each other. */
#ifndef GATE_H
#define GATE_H
#include <stdatomic.h>

#include <sched.h>

#define ALIGNMENT 64

/* What threads wait at for each other. They look again and again for a while, since the next step is near; where
 * there are more threads than processors that would keep the others from working, so then they step back. */
typedef struct {
    _Alignas(ALIGNMENT) atomic_int arrived;
    _Alignas(ALIGNMENT) atomic_int turn;
} Gate;

enum { LOOKS = 1000 };

static void pass(Gate *gate, int threads) {
    const int turn = atomic_load(&gate->turn);
    if (atomic_fetch_add(&gate->arrived, 1) == threads - 1) {
        atomic_store(&gate->arrived, 0);
        atomic_store(&gate->turn, turn + 1);
        return;
    }
    for (int looks = 0; atomic_load(&gate->turn) == turn; looks++) {
        if (looks >= LOOKS) sched_yield();
#if defined(__x86_64__)
        else __builtin_ia32_pause();
#endif
    }
}
#endif
