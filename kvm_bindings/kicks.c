/*
 * Kicks and alarms: how a thread is brought out of KVM_RUN or out of its sleep.
 *
 * Always a signal together with immediate_exit, so that one which comes just before KVM_RUN is not lost; alarms are
 * POSIX timers aimed at the thread.
 */

#include "whole_step.h"

uint64_t step_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

int step_signal(void)
{
    return SIGRTMIN + 7;
}

/* In a signal handler: neither a KVM_RUN nor a step_wait that is about to begin sleeps over it. */
static void interrupt(struct whole_step *step)
{
    __atomic_store_n(&step->open.run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&step->open.wake, 1, __ATOMIC_SEQ_CST);
}

static void on_kick(int number)
{
    (void)number;
    for (struct whole_step *step = attached; step; step = step->outer)
        interrupt(step);
}

int step_install(void)
{
    struct sigaction action = {.sa_handler = on_kick};
    sigemptyset(&action.sa_mask);
    return sigaction(step_signal(), &action, NULL) ? -errno : 0;
}

static void unlink_attached(struct whole_step *step)
{
    for (struct whole_step **link = &attached; *link; link = &(*link)->outer)
        if (*link == step) {
            *link = step->outer;
            break;
        }
    step->outer = NULL;
}

int step_attach(struct step *open, int block_signals)
{
    struct whole_step *step = (struct whole_step *)open;
    sigset_t signals;
    if (block_signals) {
        sigfillset(&signals);
        sigdelset(&signals, SIGSEGV);
        sigdelset(&signals, SIGBUS);
        sigdelset(&signals, SIGFPE);
        sigdelset(&signals, SIGILL);
        pthread_sigmask(SIG_BLOCK, &signals, NULL);
    }
    sigemptyset(&signals);
    sigaddset(&signals, step_signal());
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    unlink_attached(step); /* an exception may have kept an earlier step_detach from its work */
    step->outer = attached;
    attached = step;
    __atomic_store_n(&step->thread, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
    step->clocked = !open->uncounted;
    step->left = __rdtsc();
    begin_guest_clock(step);
    return 0;
}

void step_detach(struct step *open)
{
    struct whole_step *step = (struct whole_step *)open;
    __atomic_store_n(&step->thread, 0, __ATOMIC_SEQ_CST);
    if (step->clocked) {
        step->traced = NULL; /* in a trace the guest has not gone on */
        count_outside(step, __rdtsc());
        step->clocked = 0;
        end_guest_clock(step);
    }
    if (step->has_timer) {
        timer_delete(step->timer);
        step->has_timer = 0;
        step->armed = 0;
    }
    unlink_attached(step);
}

void step_attention(struct step *open, uint32_t set, uint32_t clear)
{
    if (clear)
        __atomic_and_fetch(&open->attention, ~clear, __ATOMIC_SEQ_CST);
    if (set)
        __atomic_or_fetch(&open->attention, set, __ATOMIC_SEQ_CST);
}

void step_kick(struct step *open, uint32_t attention)
{
    struct whole_step *step = (struct whole_step *)open;
    step_attention(open, attention, 0);
    __atomic_add_fetch(&open->wake, 1, __ATOMIC_SEQ_CST);
    if (attached == step) { /* not in KVM_RUN then, and `attention` is looked at before the next */
        if (!attention)
            __atomic_store_n(&open->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        return;
    }
    syscall(SYS_futex, &open->wake, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
    /* `run` is for the attached thread: by now the vCPU may be closed. The signal's handler sets immediate_exit. */
    pid_t thread = __atomic_load_n(&step->thread, __ATOMIC_SEQ_CST);
    if (thread)
        syscall(SYS_tgkill, getpid(), thread, step_signal());
}

/*
 * A signal of the process, shared: Python's own handler runs as ever, and the step that this thread is attached to
 * leaves KVM_RUN at once, wherever the kernel delivers the signal. Without this, one that arrives between Python's
 * last look and KVM_RUN would wait for the guest's next exit, which a spinning guest never makes.
 */
static struct whole_step *volatile interrupted;
static struct sigaction shared_with[65];
static int sharers[65];                /* a device may run another machine: one run inside the other */

static void on_shared(int number, siginfo_t *info, void *context)
{
    int error = errno;
    struct whole_step *step = interrupted;
    struct sigaction *other = &shared_with[number];
    if (step)
        interrupt(step);
    if (other->sa_flags & SA_SIGINFO)
        other->sa_sigaction(number, info, context);
    else if (other->sa_handler != SIG_DFL && other->sa_handler != SIG_IGN)
        other->sa_handler(number);
    if (step && attached != step && step->thread)
        syscall(SYS_tgkill, getpid(), step->thread, step_signal());
    errno = error;
}

static int is_ours(const struct sigaction *action)
{
    return action->sa_flags & SA_SIGINFO && action->sa_sigaction == on_shared;
}

static const int to_share[] = {SIGHUP, SIGINT, SIGTERM};

static void share_one(int number)
{
    struct sigaction ours = {.sa_sigaction = on_shared, .sa_flags = SA_SIGINFO}, theirs;
    if (sigaction(number, NULL, &theirs))
        return;
    if (!(theirs.sa_flags & SA_SIGINFO) && (theirs.sa_handler == SIG_DFL || theirs.sa_handler == SIG_IGN))
        return; /* nobody in this process waits for it */
    if (is_ours(&theirs)) {
        sharers[number]++;
        return;
    }
    shared_with[number] = theirs;
    sharers[number] = 1;
    sigfillset(&ours.sa_mask);
    sigaction(number, &ours, NULL);
}

void step_share_signals(struct step *open)
{
    interrupted = (struct whole_step *)open;
    for (size_t at = 0; at < sizeof to_share / sizeof *to_share; at++)
        share_one(to_share[at]);
}

static void unshare_one(int number)
{
    struct sigaction now;
    if (!sharers[number] || --sharers[number])
        return;
    if (!sigaction(number, NULL, &now) && is_ours(&now))
        sigaction(number, &shared_with[number], NULL); /* else somebody set a new one meanwhile: theirs stays */
}

void step_unshare_signals(void)
{
    interrupted = attached ? attached->outer : NULL;
    for (size_t at = 0; at < sizeof to_share / sizeof *to_share; at++)
        unshare_one(to_share[at]);
}

static int arm(struct whole_step *step, uint64_t deadline)
{
    if (deadline == step->armed)
        return 0;
    if (!step->has_timer) {
        struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = step_signal()};
#ifdef sigev_notify_thread_id
        event.sigev_notify_thread_id = step->thread;
#else
        event._sigev_un._tid = step->thread;
#endif
        if (!step->thread || timer_create(CLOCK_MONOTONIC, &event, &step->timer))
            return step->thread ? -errno : -EINVAL;
        step->has_timer = 1;
    }
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(deadline / 1000000000ULL), .tv_nsec = (long)(deadline % 1000000000ULL)}};
    if (timer_settime(step->timer, TIMER_ABSTIME, &when, NULL))
        return -errno;
    step->armed = deadline;
    return 0;
}

int step_alarm(struct step *open, uint64_t deadline)
{
    struct whole_step *step = (struct whole_step *)open;
    if (!deadline && !step->has_timer)
        return 0;
    return arm(step, deadline);
}

void step_wait(struct step *open, uint32_t seen, uint64_t deadline)
{
    struct whole_step *step = (struct whole_step *)open;
    struct timespec until = {
        .tv_sec = (time_t)(deadline / 1000000000ULL), .tv_nsec = (long)(deadline % 1000000000ULL)};
    uint64_t from = __rdtsc();
    if (step->in_handler) {
        open->rows[open->location].handler_ticks += from - step->left;
        open->handler_ticks += from - step->left;
    } else
        open->around_ticks += from - step->left;
    syscall(SYS_futex, &open->wake, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, seen, deadline ? &until : NULL, NULL,
            FUTEX_BITSET_MATCH_ANY);
    step->left = __rdtsc(); /* what follows is the handler's time again, the sleep is nobody's */
    open->idle_ticks += step->left - from;
}
