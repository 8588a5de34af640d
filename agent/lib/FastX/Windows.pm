package FastX::Windows;

# Whether an application has a window open: what a session of single windows
# ends with.
#
# With a window manager that keeps the list of _NET_CLIENT_LIST (EWMH) that is
# what stands in it, put away as an icon or not. Without one it is what stands
# on the root window by itself: to be seen, and no menu (override-redirect).
# Both are looked at, for window managers come and go, and the list of one that
# was killed stays behind: each window is asked whether it is there.

use strict;
use warnings;

use FastX::Log;
use FastX::X11;

use constant {
    LIST => '_NET_CLIENT_LIST',
    # Windows come and go by the dozen while a program starts.
    SETTLE_SECONDS => 0.1,
    # A program that closes one window to open another is not over.
    GONE_SECONDS   => 2,
};
use constant { SUBSTRUCTURE_NOTIFY => 0x80000, PROPERTY_CHANGE => 0x400000, PROPERTY_NOTIFY => 28 };

my %CHANGES = map { $_ => 1 } 17, 18, 19, 21; # destroyed, unmapped, mapped, reparented

# Options: loop, display, cookie, on_last (the last window was closed a while
# ago), on_lost($why: nothing is known any more). Returns undef and why if there
# is no way to know.
sub watch {
    my ($class, %option) = @_;
    my $self = bless { %option, open => 0, seen => 0 }, $class;
    my ($x, $why_not) = FastX::X11->connect(
        loop     => $option{loop},
        display  => $option{display},
        cookie   => $option{cookie},
        on_ready => sub { $self->_begin },
        on_event => sub { $self->_notice(@_) },
        on_end   => sub { my $on_lost = $self->{on_lost}; $self->close; $on_lost->(@_) },
    );
    $self->{x} = $x;
    return $x ? $self : (undef, $why_not);
}

sub is_open  { return $_[0]{open} }
sub was_seen { return $_[0]{seen} }

sub close {
    my ($self) = @_;
    $self->{loop}->cancel(delete $self->{$_}) for qw(look_timer gone_timer);
    my $x = delete $self->{x};
    $x->close if $x;
    delete @{$self}{qw(on_last on_lost)};
    return;
}

sub _begin {
    my ($self) = @_;
    $self->{x}->select_root(SUBSTRUCTURE_NOTIFY | PROPERTY_CHANGE);
    $self->{x}->atom(LIST, sub { $self->{list} = $_[0] // 0; $self->_look });
    return;
}

sub _notice {
    my ($self, $code, $event) = @_;
    my $is_list = $code == PROPERTY_NOTIFY && unpack('x8 L', $event) == ($self->{list} // 0);
    return if !$is_list && !$CHANGES{$code};
    $self->{look_timer} //= $self->{loop}->after(SETTLE_SECONDS, sub { delete $self->{look_timer}; $self->_look });
    return;
}

sub _look {
    my ($self) = @_;
    # What is under way may have passed by what has changed since.
    my $look = $self->{look} = { asked => 2, open => 0 };
    my $x = $self->{x} or return;
    $x->listed($self->{list}, sub { $self->_ask($look, sub { 1 }, @_) });
    $x->children(sub {
        $self->_ask($look, sub { $_[0]{is_drawn} && $_[0]{is_viewable} && !$_[0]{is_override} }, @_);
    });
    return;
}

sub _ask {
    my ($self, $look, $counts, @windows) = @_;
    my $x = $self->{x} or return;
    $look->{asked} += @windows - 1;
    for my $window (@windows) {
        $x->attributes($window, sub {
            my ($attributes) = @_;
            $look->{open} ||= 1 if $attributes && $counts->($attributes);
            $look->{asked}--;
            $self->_judge($look);
        });
    }
    return $self->_judge($look);
}

sub _judge {
    my ($self, $look) = @_;
    return if $look->{asked} || $look != ($self->{look} // 0);
    delete $self->{look};
    my $loop = $self->{loop};
    $self->{open} = $look->{open};
    if ($self->{open}) {
        FastX::Log::line('windows are open') if !$self->{seen}++;
        $loop->cancel(delete $self->{gone_timer});
    }
    elsif ($self->{seen}) {
        $self->{gone_timer} //= $loop->after(GONE_SECONDS, sub { my $on_last = $self->{on_last}; $self->close; $on_last->() });
    }
    return;
}

1;
