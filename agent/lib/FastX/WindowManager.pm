package FastX::WindowManager;

# The bundle's window manager, for applications that come without one
# (session.window_manager: auto).
#
# It is there before the command: toolkits ask once, when they start, whether there
# is a window manager and what it can do (Java, Qt), and windows that were there
# before it are not placed. Where the command brings its own, that one is waited
# for, and this one takes its place only if there are windows and nobody manages
# them. It is no part of the session: its end is no news to anybody, and it is
# started again within a bound.

use strict;
use warnings;

use FastX::DesktopCommand;
use FastX::Log;
use FastX::Process;
use FastX::Tail;
use FastX::X11;
use FastX::Xauthority;
use POSIX ();

use constant {
    # For the window manager of a desktop whose first window is there.
    OWN_SECONDS     => 2,
    # Some 30 ms are usual; the command does not wait for ever.
    START_SECONDS   => 2,
    ASK_SECONDS     => 0.01,
    # From the end of one to the look whether another has taken over.
    RESTART_SECONDS => 0.2,
    MOST_STARTS     => 6,
    LOG_TAIL_BYTES  => 2_048,
};
# Behind windows that do not fill the screen; black looks as if nothing were there.
use constant BACKGROUND => 0x3d4753;
use constant { PROPERTY_CHANGE => 0x400000, PROPERTY_NOTIFY => 28 };

# Options: loop, settings, display, xauthority (its file), directory (private).
sub new {
    my ($class, %option) = @_;
    return bless { %option, starts => 0, program => "$option{settings}{bundle}/bin/openbox" }, $class;
}

# $path: of the command, for which it is time when $on_ready is called.
sub start {
    my ($self, $path, $on_ready) = @_;
    if (!-x $self->{program}) {
        FastX::Log::line('windows are not managed: the bundle is an older one without a window manager; build it again');
        return $on_ready->();
    }
    if (FastX::DesktopCommand::is_one($self->{settings}{command}, $path)) {
        $self->_wait_for_windows;
        return $on_ready->();
    }
    $self->{on_ready} = $on_ready;
    return $self->_run;
}

sub stop {
    my ($self) = @_;
    $self->{stopping} = 1;
    $self->{loop}->cancel(delete $self->{$_}) for qw(timer ask_timer);
    $self->_forget_x;
    kill TERM => $self->{pid} if $self->{pid};
    return;
}

sub _ready {
    my ($self) = @_;
    $self->{loop}->cancel(delete $self->{$_}) for qw(timer ask_timer);
    $self->_forget_x;
    my $on_ready = delete $self->{on_ready};
    $on_ready->() if $on_ready;
    return;
}

# Windows are managed once it answers something (EWMH) that needs no window on the
# screen. It is asked until it does: what reaches Openbox while it starts lies unread
# until something else comes, which for the window of a quick program may be never.
sub _await_answer {
    my ($self) = @_;
    return $self->_connect(
        on_event => sub { $self->_ready if $_[0] == PROPERTY_NOTIFY },
        on_ready => sub {
            my $x = $self->{x} or return;
            $x->paint_root(BACKGROUND) if $self->{starts} == 1 && $self->{settings}{depth} >= 24;
            my $window = $x->create_window(PROPERTY_CHANGE);
            $x->atom('_NET_REQUEST_FRAME_EXTENTS', sub { $self->_ask($window, $_[0]) if $_[0] });
        },
    );
}

sub _ask {
    my ($self, $window, $question) = @_;
    my $x = $self->{x} or return;
    $x->send_message($window, $question);
    $self->{ask_timer} = $self->{loop}->after(ASK_SECONDS, sub { $self->_ask($window, $question) });
    return;
}

sub _run {
    my ($self) = @_;
    $self->{starts}++;
    my $own = "$self->{directory}/window-manager";
    mkdir $own, 0700;
    my $log = FastX::Tail->new(LOG_TAIL_BYTES);
    my ($pid, $output) = FastX::Process::start(
        loop        => $self->{loop},
        argv        => [ $self->{program}, '--sm-disable', '--config-file', _share() . '/openbox.xml' ],
        environment => $self->_environment($own),
        directory   => '/',
    );
    if (!defined $pid) {
        FastX::Log::line("windows are not managed: $output");
        return $self->_ready;
    }
    $self->{pid} = $pid;
    $self->{loop}->on_readable($output, sub {
        my $count = sysread $output, my $bytes, 4096;
        return if !defined $count && ($! == POSIX::EAGAIN || $! == POSIX::EINTR);
        return $count ? $log->append($bytes) : $self->{loop}->close($output);
    });
    $self->{loop}->on_child($pid, sub { $self->_ended($log, @_) });
    $self->{timer} = $self->{loop}->after(START_SECONDS, sub { $self->_ready });
    return $self->_await_answer;
}

# Nothing of the image's environment, and nothing of the image: no font, locale
# or setting of the user's is looked for. It starts no programs, so that none has
# this environment.
sub _environment {
    my ($self, $own) = @_;
    my $shared = "$self->{settings}{bundle}/share/window-manager";
    return {
        PATH            => '/usr/bin:/bin',
        HOME            => $own,
        LANG            => 'C.UTF-8',
        DISPLAY         => $self->{display},
        XAUTHORITY      => $self->{xauthority},
        XDG_DATA_DIRS   => _share(),
        (map { $_ => $own } qw(XDG_CONFIG_DIRS XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME)),
        FONTCONFIG_FILE => "$shared/fonts.conf",
        GCONV_PATH      => "$shared/gconv",
        LOCPATH         => "$shared/locale",
        XLOCALEDIR      => "$shared/x11-locale",
    };
}

sub _share {
    my ($agent) = __FILE__ =~ m{\A(.*)/lib/FastX/[^/]+\z}s;
    return "$agent/share/window-manager";
}

sub _ended {
    my ($self, $log, $wait_status) = @_;
    delete $self->{pid};
    return if $self->{stopping};
    $self->_ready;
    $self->{timer} = $self->{loop}->after(RESTART_SECONDS, sub {
        $self->_ask_x(sub {
            my ($is_managed) = @_;
            return FastX::Log::line('another window manager has taken over') if $is_managed;
            # What it has no menu for is no reason.
            my $words = join ' / ', grep { !/\A\w+-Message:/ } $log->last_lines(4);
            FastX::Log::line('the window manager ' . FastX::Process::describe($wait_status) . ($words && " ($words)"));
            return $self->_run if $self->{starts} < MOST_STARTS;
            FastX::Log::line('windows are not managed any more: it has ended too often');
        });
    });
    return;
}

sub _wait_for_windows {
    my ($self) = @_;
    require FastX::Windows;
    my ($windows, $why_not) = FastX::Windows->watch(
        loop    => $self->{loop},
        display => $self->{display},
        cookie  => FastX::Xauthority::cookie($self->{xauthority}),
        on_open => sub {
            $self->_forget_x;
            $self->{timer} = $self->{loop}->after(OWN_SECONDS, sub {
                $self->_ask_x(sub { $_[0] || $self->_run });
            });
        },
        on_lost => sub { delete $self->{x} },
    );
    $self->{x} = $windows;
    return $windows || FastX::Log::line("windows are left to the command: $why_not");
}

# Calls back with whether there is a window manager, whoever's; not at all when
# the X server is not there any more.
sub _ask_x {
    my ($self, $on_answer) = @_;
    $self->_connect(
        on_event => sub { },
        on_ready => sub {
            my $x = $self->{x} or return;
            $x->attributes($x->root, sub {
                my ($root) = @_;
                $self->_forget_x;
                $on_answer->($root->{is_managed}) if $root;
            });
        },
    );
    return;
}

sub _connect {
    my ($self, %option) = @_;
    ($self->{x}) = FastX::X11->connect(
        loop    => $self->{loop},
        display => $self->{display},
        cookie  => FastX::Xauthority::cookie($self->{xauthority}),
        on_end  => sub { delete $self->{x} },
        %option,
    );
    return;
}

sub _forget_x {
    my ($self) = @_;
    my $x = delete $self->{x};
    $x->close if $x;
    return;
}

1;
