package FastX::Windows;

# Whether an application has a window open: what a session of single windows
# ends with. Panels and the desktop's background are no application's.
#
# With a window manager that keeps the list of _NET_CLIENT_LIST (EWMH) that is
# what stands in it, put away as an icon or not; on the root window there are its
# frames. Without one it is what stands on the root window by itself: to be seen,
# and no menu (override-redirect). Window managers come and go, and the list of one
# that was killed stays behind: then both are looked at, and each window is asked
# whether it is there.

use strict;
use warnings;

use FastX::Log;
use FastX::X11;

use constant {
    LIST => '_NET_CLIENT_LIST',
    TYPE => '_NET_WM_WINDOW_TYPE',
    # Windows come and go by the dozen while a program starts.
    SETTLE_SECONDS => 0.1,
    # A program that closes one window to open another is not over.
    GONE_SECONDS   => 2,
};
use constant { SUBSTRUCTURE_NOTIFY => 0x80000, PROPERTY_CHANGE => 0x400000, PROPERTY_NOTIFY => 28 };

my @FURNITURE = map { TYPE . "_$_" } qw(DOCK DESKTOP);
my %CHANGES = map { $_ => 1 } 17, 18, 19, 21; # destroyed, unmapped, mapped, reparented

# Options: loop, display, cookie, on_open (the first window is there), on_last (the
# last one was closed a while ago; nothing more is told), on_lost($why: nothing is
# known any more). Returns undef and why if there is no way to know.
sub watch {
    my ($class, %option) = @_;
    my $self = bless { on_open => sub { }, on_last => sub { }, %option, open => 0, seen => 0, atom => {} }, $class;
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
    delete @{$self}{qw(on_open on_last on_lost)};
    return;
}

sub _begin {
    my ($self) = @_;
    $self->{x}->select_root(SUBSTRUCTURE_NOTIFY | PROPERTY_CHANGE);
    my @names = (LIST, TYPE, @FURNITURE);
    for my $name (@names) {
        $self->{x}->atom($name, sub {
            $self->{atom}{$name} = $_[0] // 0;
            $self->_look if keys %{ $self->{atom} } == @names;
        });
    }
    return;
}

sub _notice {
    my ($self, $code, $event) = @_;
    my $is_list = $code == PROPERTY_NOTIFY && unpack('x8 L', $event) == ($self->{atom}{ +LIST } // 0);
    return if !$is_list && !$CHANGES{$code};
    $self->{look_timer} //= $self->{loop}->after(SETTLE_SECONDS, sub { delete $self->{look_timer}; $self->_look });
    return;
}

sub _look {
    my ($self) = @_;
    # What is under way may have passed by what has changed since.
    my $look = $self->{look} = { asked => 2, open => 0 };
    my $x = $self->{x} or return;
    my ($is_managed, @listed);
    $x->attributes($x->root, sub { $is_managed = $_[0] && $_[0]{is_managed} });
    $x->listed($x->root, $self->{atom}{ +LIST }, sub { $self->_ask($look, sub { 1 }, @listed = @_) });
    $x->children(sub {
        my @standing = $is_managed && @listed ? () : @_;
        $self->_ask($look, sub { $_[0]{is_drawn} && $_[0]{is_viewable} && !$_[0]{is_override} }, @standing);
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
            return $self->_answered($look, 0) if !$attributes || !$counts->($attributes);
            $x->listed($window, $self->{atom}{ +TYPE }, sub { $self->_answered($look, !$self->_is_furniture(@_)) });
        });
    }
    return $self->_judge($look);
}

sub _is_furniture {
    my ($self, @types) = @_;
    my %is_one = map { $self->{atom}{$_} => 1 } @FURNITURE;
    return scalar grep { $is_one{$_} } @types;
}

sub _answered {
    my ($self, $look, $is_open) = @_;
    $look->{open} ||= 1 if $is_open;
    $look->{asked}--;
    return $self->_judge($look);
}

sub _judge {
    my ($self, $look) = @_;
    return if $look->{asked} || $look != ($self->{look} // 0);
    delete $self->{look};
    my $loop = $self->{loop};
    $self->{open} = $look->{open};
    if ($self->{open}) {
        $loop->cancel(delete $self->{gone_timer});
        return if $self->{seen}++;
        FastX::Log::line('windows are open');
        $self->{on_open}->();
    }
    elsif ($self->{seen}) {
        $self->{gone_timer} //= $loop->after(GONE_SECONDS, sub { my $on_last = $self->{on_last}; $self->close; $on_last->() });
    }
    return;
}

1;
