//! The digits of a float by Grisu2: they read back the same and are nearly always the fewest.
//!
//! Not the fewest at all costs: CppNix prints what this algorithm gives, the rare longer digit
//! strings included, so a better algorithm would be wrong here.
//! Source: Florian Loitsch, “Printing Floating-Point Numbers Quickly and Accurately with
//! Integers”, 2010.

/// `significand * 2^exponent`.
#[derive(Clone, Copy)]
struct Scaled {
    significand: u64,
    exponent: i32,
}

impl Scaled {
    /// Returns the upper half of the product, rounded.
    fn times(self, other: Scaled) -> Scaled {
        let product = u128::from(self.significand) * u128::from(other.significand);
        Scaled {
            significand: ((product + (1 << 63)) >> 64) as u64,
            exponent: self.exponent + other.exponent + 64,
        }
    }

    /// Moves the highest bit to the top.
    fn normalized(self) -> Scaled {
        let shift = self.significand.leading_zeros();
        Scaled { significand: self.significand << shift, exponent: self.exponent - shift as i32 }
    }

    /// Returns the same number with a smaller exponent.
    fn with_exponent(self, exponent: i32) -> Scaled {
        Scaled { significand: self.significand << (self.exponent - exponent), exponent }
    }
}

/// Returns decimal digits and an exponent, `digits * 10^exponent`, of a positive finite float.
pub(super) fn digits(value: f64) -> (String, i32) {
    let (float, below, above) = neighborhood(value);
    let (power, decimal) = cached_power(above.exponent);
    let float = float.times(power);
    // One unit inside on both sides: the product is exact to within one.
    let below = below.times(power).significand + 1;
    let above = above.times(power);
    let above = Scaled { significand: above.significand - 1, exponent: above.exponent };
    let mut out = Generator {
        digits: Vec::with_capacity(17),
        exponent: -decimal,
        distance: above.significand - float.significand,
        delta: above.significand - below,
    };
    out.generate(above);
    (String::from_utf8_lossy(&out.digits).into_owned(), out.exponent)
}

/// Returns the float and the limits of the numbers that read back as it, on one scale.
fn neighborhood(value: f64) -> (Scaled, Scaled, Scaled) {
    const HIDDEN_BIT: u64 = 1 << 52;
    const BIAS: i32 = 1075;
    let bits = value.to_bits();
    let (fraction, exponent) = (bits & (HIDDEN_BIT - 1), (bits >> 52) as i32);
    let float = if exponent == 0 {
        Scaled { significand: fraction, exponent: 1 - BIAS }
    } else {
        Scaled { significand: fraction | HIDDEN_BIT, exponent: exponent - BIAS }
    };
    let above = Scaled { significand: 2 * float.significand + 1, exponent: float.exponent - 1 };
    // Below a power of two the floats are twice as dense.
    let below = if fraction == 0 && exponent > 1 {
        Scaled { significand: 4 * float.significand - 1, exponent: float.exponent - 2 }
    } else {
        Scaled { significand: 2 * float.significand - 1, exponent: float.exponent - 1 }
    };
    let above = above.normalized();
    (float.normalized(), below.with_exponent(above.exponent), above)
}

/// Returns a power of ten that brings `exponent` between -60 and -32, and its decimal exponent.
fn cached_power(exponent: i32) -> (Scaled, i32) {
    const ALPHA: i32 = -60;
    const DECIMAL_MIN: i32 = -300;
    const STEP: i32 = 8;
    let wanted = ALPHA - exponent - 1;
    // 78913 / 2^18 is log10(2), near enough for all exponents of doubles.
    let decimal = (wanted * 78913) / (1 << 18) + i32::from(wanted > 0);
    let index = (-DECIMAL_MIN + decimal + (STEP - 1)) / STEP;
    let (significand, exponent) = usize::try_from(index)
        .ok()
        .and_then(|index| POWERS.get(index).copied())
        .expect("the exponents of doubles lie within the table");
    (Scaled { significand, exponent }, DECIMAL_MIN + index * STEP)
}

/// Digits under construction.
struct Generator {
    digits: Vec<u8>,
    exponent: i32,
    /// From the float up to the upper limit.
    distance: u64,
    /// From the lower limit up to the upper one.
    delta: u64,
}

impl Generator {
    /// Produces the digits of `above` until they lie within the limits.
    fn generate(&mut self, above: Scaled) {
        let shift = -above.exponent;
        let one = 1_u64 << shift;
        let mut whole = above.significand >> shift;
        let mut fraction = above.significand & (one - 1);
        let mut place = whole.max(1).ilog10() as i32;
        while place >= 0 {
            let power = 10_u64.pow(place as u32);
            self.push(whole / power);
            whole %= power;
            let rest = (whole << shift) + fraction;
            if rest <= self.delta {
                self.exponent += place;
                self.round(rest, power << shift);
                return;
            }
            place -= 1;
        }
        loop {
            fraction *= 10;
            self.push(fraction >> shift);
            fraction &= one - 1;
            self.exponent -= 1;
            self.delta *= 10;
            self.distance *= 10;
            if fraction <= self.delta {
                self.round(fraction, one);
                return;
            }
        }
    }

    fn push(&mut self, digit: u64) {
        self.digits.push(b'0' + digit as u8);
    }

    /// Lowers the last digit, worth `unit`, while that comes nearer to the float.
    fn round(&mut self, mut rest: u64, unit: u64) {
        while rest < self.distance
            && self.delta - rest >= unit
            && (rest + unit < self.distance || self.distance - rest > rest + unit - self.distance)
        {
            if let Some(last) = self.digits.last_mut() {
                *last -= 1;
            }
            rest += unit;
        }
    }
}

/// `10^-300, 10^-292, ... 10^324`, each as a significand of 64 bits, rounded, and an exponent.
const POWERS: [(u64, i32); 79] = [
    (0xab70_fe17_c79a_c6ca, -1060),
    (0xff77_b1fc_bebc_dc4f, -1034),
    (0xbe56_91ef_416b_d60c, -1007),
    (0x8dd0_1fad_907f_fc3c, -980),
    (0xd351_5c28_3155_9a83, -954),
    (0x9d71_ac8f_ada6_c9b5, -927),
    (0xea9c_2277_23ee_8bcb, -901),
    (0xaecc_4991_4078_536d, -874),
    (0x823c_1279_5db6_ce57, -847),
    (0xc210_9436_4dfb_5637, -821),
    (0x9096_ea6f_3848_984f, -794),
    (0xd774_85cb_2582_3ac7, -768),
    (0xa086_cfcd_97bf_97f4, -741),
    (0xef34_0a98_172a_ace5, -715),
    (0xb238_67fb_2a35_b28e, -688),
    (0x84c8_d4df_d2c6_3f3b, -661),
    (0xc5dd_4427_1ad3_cdba, -635),
    (0x936b_9fce_bb25_c996, -608),
    (0xdbac_6c24_7d62_a584, -582),
    (0xa3ab_6658_0d5f_daf6, -555),
    (0xf3e2_f893_dec3_f126, -529),
    (0xb5b5_ada8_aaff_80b8, -502),
    (0x8762_5f05_6c7c_4a8b, -475),
    (0xc9bc_ff60_34c1_3053, -449),
    (0x964e_858c_91ba_2655, -422),
    (0xdff9_7724_7029_7ebd, -396),
    (0xa6df_bd9f_b8e5_b88f, -369),
    (0xf8a9_5fcf_8874_7d94, -343),
    (0xb944_7093_8fa8_9bcf, -316),
    (0x8a08_f0f8_bf0f_156b, -289),
    (0xcdb0_2555_6531_31b6, -263),
    (0x993f_e2c6_d07b_7fac, -236),
    (0xe45c_10c4_2a2b_3b06, -210),
    (0xaa24_2499_6973_92d3, -183),
    (0xfd87_b5f2_8300_ca0e, -157),
    (0xbce5_0864_9211_1aeb, -130),
    (0x8cbc_cc09_6f50_88cc, -103),
    (0xd1b7_1758_e219_652c, -77),
    (0x9c40_0000_0000_0000, -50),
    (0xe8d4_a510_0000_0000, -24),
    (0xad78_ebc5_ac62_0000, 3),
    (0x813f_3978_f894_0984, 30),
    (0xc097_ce7b_c907_15b3, 56),
    (0x8f7e_32ce_7bea_5c70, 83),
    (0xd5d2_38a4_abe9_8068, 109),
    (0x9f4f_2726_179a_2245, 136),
    (0xed63_a231_d4c4_fb27, 162),
    (0xb0de_6538_8cc8_ada8, 189),
    (0x83c7_088e_1aab_65db, 216),
    (0xc45d_1df9_4271_1d9a, 242),
    (0x924d_692c_a61b_e758, 269),
    (0xda01_ee64_1a70_8dea, 295),
    (0xa26d_a399_9aef_774a, 322),
    (0xf209_787b_b47d_6b85, 348),
    (0xb454_e4a1_79dd_1877, 375),
    (0x865b_8692_5b9b_c5c2, 402),
    (0xc835_53c5_c896_5d3d, 428),
    (0x952a_b45c_fa97_a0b3, 455),
    (0xde46_9fbd_99a0_5fe3, 481),
    (0xa59b_c234_db39_8c25, 508),
    (0xf6c6_9a72_a398_9f5c, 534),
    (0xb7dc_bf53_54e9_bece, 561),
    (0x88fc_f317_f222_41e2, 588),
    (0xcc20_ce9b_d35c_78a5, 614),
    (0x9816_5af3_7b21_53df, 641),
    (0xe2a0_b5dc_971f_303a, 667),
    (0xa8d9_d153_5ce3_b396, 694),
    (0xfb9b_7cd9_a4a7_443c, 720),
    (0xbb76_4c4c_a7a4_4410, 747),
    (0x8bab_8eef_b640_9c1a, 774),
    (0xd01f_ef10_a657_842c, 800),
    (0x9b10_a4e5_e991_3129, 827),
    (0xe710_9bfb_a19c_0c9d, 853),
    (0xac28_20d9_623b_f429, 880),
    (0x8044_4b5e_7aa7_cf85, 907),
    (0xbf21_e440_03ac_dd2d, 933),
    (0x8e67_9c2f_5e44_ff8f, 960),
    (0xd433_179d_9c8c_b841, 986),
    (0x9e19_db92_b4e3_1ba9, 1013),
];
