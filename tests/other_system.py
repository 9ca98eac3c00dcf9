"""Imitates Windows or macOS: removes the modules and functions that these systems lack from this process."""

import enum
import importlib
import os
import shutil
import signal
import sys
import tempfile

LIBRARIES = "click numpy onnxruntime rich.progress urllib.request"
"""Modules that check the system when they are imported. They are imported before this process imitates another system."""

MODULES = "fcntl grp pty pwd resource syslog termios tty"
FUNCTIONS = """
    chown chroot confstr ctermid eventfd fchdir fchmod fchown fdatasync fork forkpty fpathconf fstatvfs get_blocking getegid geteuid getgid
    getgrouplist getgroups getloadavg getpgid getpgrp getpriority getsid getuid initgroups killpg lchown lockf major makedev memfd_create
    mkfifo mknod nice openpty pathconf pidfd_open pipe2 posix_fadvise posix_fallocate posix_spawn pread preadv pwrite pwritev readv
    register_at_fork sendfile set_blocking setegid seteuid setgid setpgid setpriority setsid setuid statvfs sync sysconf tcgetpgrp ttyname
    uname wait wait3 wait4 waitid writev O_ASYNC O_CLOEXEC O_DIRECTORY O_DSYNC O_NOCTTY O_NOFOLLOW O_NONBLOCK O_SYNC O_TMPFILE
"""
LINUX_FUNCTIONS = """
    copy_file_range eventfd fdatasync getrandom memfd_create pidfd_open pipe2 posix_fadvise posix_fallocate sched_getaffinity
    sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setparam sched_setscheduler setns splice unshare
    O_DIRECT O_LARGEFILE O_NOATIME O_PATH O_TMPFILE SCHED_BATCH SCHED_IDLE SCHED_RESET_ON_FORK
"""
WINDOWS_SIGNALS = {"SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM"}
SIGNAL_FUNCTIONS = "alarm getitimer pause pthread_kill pthread_sigmask setitimer siginterrupt sigpending sigwait sigwaitinfo sigtimedwait"


def imitate(system):
    """Imitates `"windows"`, `"macos"` or, with `"this"`, changes nothing."""
    if system == "this":
        return
    for name in LIBRARIES.split():
        importlib.import_module(name)
    shutil._use_fd_functions = tempfile._O_TMPFILE_WORKS = False  # the standard library found these functions when it was imported
    for name in LINUX_FUNCTIONS.split() + (FUNCTIONS.split() if system == "windows" else []):
        vars(os).pop(name, None)
    if system == "macos":
        sys.platform = "darwin"
        return
    sys.platform = "win32"
    sys.modules.update(dict.fromkeys(MODULES.split()))  # importing a module that is None raises an ImportError
    kept = {name: number for name, number in signal.Signals.__members__.items() if name in WINDOWS_SIGNALS}
    for name in {*signal.Signals.__members__, *SIGNAL_FUNCTIONS.split()} - set(kept):
        vars(signal).pop(name, None)
    signal.Signals = enum.IntEnum("Signals", kept)
